"""A library: a model of every kind that a product has, so that the tests need no product."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import CheckConstraint, Q

from apps.isolation.fields import SharedForeignKey, UserForeignKey
from apps.isolation.models import TenantModel, tenant_index, tenant_unique


class ShelfStatus(models.TextChoices):
    """The states of a shelf."""

    OPEN = "open"
    CLOSED = "closed"


class BookStatus(models.TextChoices):
    """Where a book is."""

    FREE = "free"
    LENT = "lent"
    GONE = "gone"


class Shelf(TenantModel):
    """Has a name that is unique in its tenant, and a status that the database checks."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=10_000)
    status = models.CharField(max_length=6, choices=ShelfStatus, default=ShelfStatus.OPEN)
    created_by = UserForeignKey(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            tenant_unique("name", name="sample_shelf_name_unique"),
            CheckConstraint(
                condition=Q(status__in=ShelfStatus.values), name="sample_shelf_status_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Label(TenantModel):
    """Is ordered by default."""

    word = models.CharField(max_length=50)

    class Meta:
        constraints = [tenant_unique("word", name="sample_label_word_unique")]
        ordering = ["word"]

    def __str__(self) -> str:
        return self.word


class Book(TenantModel):
    """Refers to a row, to one of its own kind or to none, to users, and to many."""

    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, related_name="books")
    original = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True)
    labels = models.ManyToManyField(Label, through="Labelling")
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=4, choices=BookStatus, default=BookStatus.FREE)
    reader = UserForeignKey(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    position = models.PositiveIntegerField(default=0)
    created_by = UserForeignKey(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(status__in=BookStatus.values), name="sample_book_status_is_known"
            ),
        ]
        indexes = [
            tenant_index("status", name="sample_book_by_status"),
            tenant_index("due_on", name="sample_book_by_due_on"),
        ]

    def __str__(self) -> str:
        return self.title


class Labelling(TenantModel):
    """Stands between books and labels, of which a pair is unique."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE)
    label = models.ForeignKey(Label, on_delete=models.CASCADE)

    class Meta:
        constraints = [tenant_unique("book", "label", name="sample_labelling_unique")]

    def __str__(self) -> str:
        return f"{self.book_id} {self.label_id}"


def place_of(scan: "Scan", name: str = "") -> str:
    """Return where a file is kept."""
    return f"scans/{scan.pk}"


class Scan(TenantModel):
    """Has a file."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="scans")
    file = models.FileField(upload_to=place_of)
    name = models.CharField(max_length=255)
    uploader = UserForeignKey(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Note(TenantModel):
    """Is its author's own, is about any row, and may be about a label as well."""

    author = UserForeignKey(personal=True)
    label = models.ForeignKey(Label, on_delete=models.SET_NULL, null=True)
    content_type = SharedForeignKey(ContentType)
    object_id = models.UUIDField()
    subject = GenericForeignKey()
    details = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.author_id} {self.object_id}"
