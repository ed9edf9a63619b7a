from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recorder", "0013_segment_in_bucket_alone"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="segment",
            index=models.Index(
                condition=models.Q(("digest__gt", 0), ("missing", True), ("removed_at", None)),
                fields=["market", "kind", "start_t"],
                name="segment_digest_lost",
            ),
        ),
        migrations.AddIndex(
            model_name="segment",
            index=models.Index(
                condition=models.Q(("missing", False), ("removed_at", None), ("digest__gt", 0)),
                fields=["market", "kind", "digest"],
                name="segment_digest_version",
            ),
        ),
    ]
