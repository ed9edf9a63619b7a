from django.db import migrations, models


class Migration(migrations.Migration):
    """Runs made before had the range of the simulator, whatever their source was."""

    dependencies = [("recorder", "0006_segment_with_gaps")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="price_low",
            field=models.FloatField(default=40_000.0, null=True),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="run",
            name="price_high",
            field=models.FloatField(default=60_000.0, null=True),
            preserve_default=False,
        ),
    ]
