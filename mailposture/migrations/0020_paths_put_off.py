"""Paths say why the latest run left them for the next one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mailposture", "0019_joining")]

    operations = [
        migrations.AddField(
            model_name="path",
            name="put_off",
            field=models.CharField(blank=True, default="", max_length=9),
        ),
    ]
