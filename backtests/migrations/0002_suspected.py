from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backtests", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="backtest",
            name="suspected_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
