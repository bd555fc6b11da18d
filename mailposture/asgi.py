"""The web application, as uvicorn or another ASGI server loads it."""

import os
import sys

from django.conf import settings
from django.core.asgi import get_asgi_application

from mailposture import entrance, unsafe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")

unsafe.refuse(settings, unsafe.listener(sys.argv[1:], os.environ))
application = entrance.guarded(get_asgi_application(), https=settings.BEHIND_HTTPS)
