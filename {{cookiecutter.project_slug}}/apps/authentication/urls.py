"""Routes."""

from django.urls import path

from apps.authentication import views

urlpatterns = [
    path("auth/token/", views.TokenObtainView.as_view()),
    path("auth/token/refresh/", views.TokenRefreshView.as_view()),
    path("auth/token/verify/", views.TokenVerifyView.as_view()),
    path("auth/logout/", views.LogoutView.as_view()),
    path("auth/switch/", views.SwitchView.as_view()),
    path("auth/password/change/", views.PasswordChangeView.as_view()),
    path("auth/password/reset/", views.PasswordResetView.as_view()),
    path("auth/password/reset/confirm/", views.PasswordResetConfirmView.as_view()),
    path("auth/email/verify/", views.EmailVerifyView.as_view()),
    path("auth/email/resend/", views.EmailResendView.as_view()),
    path("me/", views.MeView.as_view()),
    path("me/photo/", views.MyPhotoView.as_view()),
]
