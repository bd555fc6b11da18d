"""Reports keep their tenant's name, and stay when the tenant is removed."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery


def name_tenants(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write beside every report what its tenant is called."""
    del schema_editor
    tenants = apps.get_model("mailposture", "Tenant").objects.filter(pk=OuterRef("tenant"))
    reports = apps.get_model("mailposture", "Report").objects.all()
    reports.update(tenant_name=Subquery(tenants.values("name")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("mailposture", "0007_news_that_it_stands_better"),
    ]

    operations = [
        migrations.AddField(
            model_name="report",
            name="tenant_name",
            field=models.CharField(
                default="", help_text="as it was when the report was asked", max_length=120
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="report",
            name="tenant",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="reports",
                to="mailposture.tenant",
            ),
        ),
        migrations.RunPython(name_tenants, migrations.RunPython.noop, elidable=True),
    ]
