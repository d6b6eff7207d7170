"""A library with models of every kind, so that the tests need no product."""

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
    """The states of a book."""

    FREE = "free"
    LENT = "lent"
    GONE = "gone"


class Shelf(TenantModel):
    """A model with a name that is unique in its tenant, and a status with a check constraint."""

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
    """A model with a default order."""

    word = models.CharField(max_length=50)

    class Meta:
        constraints = [tenant_unique("word", name="sample_label_word_unique")]
        ordering = ["word"]

    def __str__(self) -> str:
        return self.word


class Book(TenantModel):
    """A model with relations: to a shelf, to itself, to users, and many-to-many."""

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
    """The through model of books and labels, with unique pairs."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE)
    label = models.ForeignKey(Label, on_delete=models.CASCADE)

    class Meta:
        constraints = [tenant_unique("book", "label", name="sample_labelling_unique")]

    def __str__(self) -> str:
        return f"{self.book_id} {self.label_id}"


def place_of(scan: "Scan", name: str = "") -> str:
    """Return the path of a file."""
    return f"scans/{scan.pk}"


class Scan(TenantModel):
    """A model with a file."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="scans")
    file = models.FileField(upload_to=place_of)
    name = models.CharField(max_length=255)
    uploader = UserForeignKey(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Note(TenantModel):
    """Personal data of its author, with a generic relation and an optional label."""

    author = UserForeignKey(personal=True)
    label = models.ForeignKey(Label, on_delete=models.SET_NULL, null=True)
    content_type = SharedForeignKey(ContentType)
    object_id = models.UUIDField()
    subject = GenericForeignKey()
    details = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.author_id} {self.object_id}"
