"""The admin as this site names it; each package registers its own pages."""

from django.contrib import admin

admin.site.site_header = "Market Camera"
admin.site.site_title = "Market Camera admin"
admin.site.index_title = "What is recorded, and who may use it"
admin.site.site_url = "/live/"
