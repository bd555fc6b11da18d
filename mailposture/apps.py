"""The one Django app; its layers are packages (docs/architecture.md)."""

from django.apps import AppConfig


class MailpostureConfig(AppConfig):
    """The whole product is one app, so that a layer is a package and not a border of migrations."""

    name = "mailposture"
    default_auto_field = "django.db.models.BigAutoField"
