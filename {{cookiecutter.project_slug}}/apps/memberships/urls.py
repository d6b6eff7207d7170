"""Routes."""

from django.urls import path

from apps.memberships import views

photo = views.ProfilePhotoViewSet.as_view({"get": "content"})

urlpatterns = [
    path("tenant/", views.TenantView.as_view()),
    path("tenant/transfer-ownership/", views.TransferOwnershipView.as_view()),
    path("members/", views.MemberListView.as_view()),
    path("members/leave/", views.LeaveView.as_view()),
    path("members/<uuid:id>/", views.MemberView.as_view()),
    path("profiles/<uuid:user_id>/photo/", photo, name="profile-photo"),
    path("invitations/", views.InvitationListView.as_view()),
    path("invitations/accept/", views.InvitationAcceptView.as_view()),
    path("invitations/<uuid:id>/", views.InvitationView.as_view()),
    path("invitations/<uuid:id>/resend/", views.InvitationResendView.as_view()),
    path("audit-events/", views.AuditEventListView.as_view()),
]
