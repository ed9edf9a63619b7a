from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recorder", "0003_market_store_id")]

    operations = [
        migrations.AddField(
            model_name="lease",
            name="silence_seconds",
            field=models.FloatField(blank=True, null=True),
        ),
    ]
