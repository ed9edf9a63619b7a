from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recorder", "0011_cold_state"),
    ]

    operations = [
        migrations.CreateModel(
            name="LastCleanUp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host", models.CharField(max_length=255)),
                ("store", models.TextField()),
                ("ended_at", models.DateTimeField()),
                ("removed", models.BigIntegerField(default=0)),
                ("freed_bytes", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("host", "store"), name="clean_up_once_a_host")],
            },
        ),
    ]
