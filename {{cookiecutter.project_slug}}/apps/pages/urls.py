"""Routes: of a tenant's host, and of the shared host."""

from django.urls import path

from apps.pages import activity, exports, profile, session_views, shared_views, views

urlpatterns = [
    # If the product has a page there, its routes come first.
    path("", views.start, name="start"),
    path("members/", views.members, name="members"),
    path("members/leave/", views.leave, name="leave"),
    path("members/transfer/", views.transfer_ownership, name="transfer-ownership"),
    path("members/<uuid:membership_id>/role/", views.change_role, name="change-role"),
    path("members/<uuid:membership_id>/remove/", views.remove, name="remove"),
    path("invitations/<str:token>/", session_views.invitation, name="invitation"),
    path("invitations/<uuid:invitation_id>/resend/", views.resend, name="resend"),
    path("invitations/<uuid:invitation_id>/revoke/", views.revoke, name="revoke"),
    path("activity/", activity.activity, name="activity"),
    path("activity/export/", activity.export, name="export-activity"),
    path("settings/", views.change_settings, name="settings"),
    path("settings/exports/", exports.exports, name="exports"),
    path("settings/exports/<uuid:export_id>/", exports.download_export, name="download-export"),
    path("settings/archive/", views.archive, name="archive"),
    path("profile/", profile.profile, name="profile"),
    path("profile/photo/", profile.change_photo, name="change-photo"),
    path("profile/photo/remove/", profile.remove_photo, name="remove-photo"),
    path("photos/<uuid:user_id>/", profile.photo, name="photo"),
    path("profile/password/", views.change_password, name="change-password"),
    path("profile/second-factor/", views.change_second_factor, name="second-factor"),
    path("switch/", views.switch, name="switch"),
    path("login/", session_views.log_in, name="login"),
    path("login/code/", session_views.give_code, name="give-code"),
    path("logout/", session_views.log_out, name="logout"),
    path("theme.css", views.theme, name="theme"),
]

shared_urlpatterns = [
    path("", shared_views.home, name="home"),
    path("signup/", shared_views.sign_up, name="signup"),
    path("signup/<str:token>/", shared_views.preparation, name="preparation"),
    path("switch/", shared_views.find, name="switch"),
    path("verify-email/<str:token>/", shared_views.verify_email, name="verify-email"),
    path("password-reset/", shared_views.send_password_reset, name="password-reset"),
    path("password-reset/<str:token>/", shared_views.reset_password, name="set-password"),
]
