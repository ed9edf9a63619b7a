from django.db import migrations


class Migration(migrations.Migration):
    """The columns hold prices of ticks from here on; rows that were made before keep the mids in them."""

    dependencies = [("bars", "0002_stored_hours_and_days")]

    operations = [
        migrations.RenameField("bar", f"mid_{name}", f"price_{name}") for name in ("open", "high", "low", "close")
    ]
