from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscribe", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="acknowledged_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="acknowledged_by",
            field=models.CharField(blank=True, db_default="", max_length=150),
        ),
    ]
