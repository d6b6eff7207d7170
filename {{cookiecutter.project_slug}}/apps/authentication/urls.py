"""Routes."""

from django.urls import path

from apps.authentication import views

urlpatterns = [
    path("auth/token/", views.TokenObtainView.as_view()),
    path("auth/token/refresh/", views.TokenRefreshView.as_view()),
    path("auth/token/verify/", views.TokenVerifyView.as_view()),
    path("me/", views.MeView.as_view()),
]
