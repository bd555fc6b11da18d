"""The web application, as uvicorn or another ASGI server loads it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")

application = get_asgi_application()
