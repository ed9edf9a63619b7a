from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recorder", "0012_last_clean_up"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="segment",
            index=models.Index(
                condition=models.Q(("missing", False), ("removed_at", None), ("cold", 2)),
                fields=["market", "kind", "start_t"],
                name="segment_in_bucket_alone",
            ),
        ),
    ]
