from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("subscribe", "0002_acknowledged")]

    operations = [
        migrations.AlterModelOptions(name="alert", options={"ordering": ["-pk"]}),
        migrations.AddField(
            model_name="alert",
            name="written_at",
            field=models.DateTimeField(db_default=Now(), editable=False),
        ),
    ]
