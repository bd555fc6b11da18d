"""The web application, as uvicorn or another ASGI server loads it."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

from mailposture import unsafe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")

unsafe.refuse(settings)
application = get_asgi_application()
