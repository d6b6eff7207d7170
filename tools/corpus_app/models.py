"""Models of every kind, as a team writes them, without a line in SAMPLES."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    ArrayField,
    DateRangeField,
    DateTimeRangeField,
    HStoreField,
    IntegerRangeField,
    RangeOperators,
)
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import (
    FileExtensionValidator,
    MaxValueValidator,
    MinLengthValidator,
    MinValueValidator,
)
from django.db import models
from django.db.models import CheckConstraint, ExpressionWrapper, F, Q, UniqueConstraint
from django.db.models.functions import Lower, Now, Upper

from apps.isolation.fields import UserForeignKey
from apps.isolation.managers import TenantManager, TenantQuerySet
from apps.isolation.models import TenantModel, tenant_index, tenant_unique


class Room(TenantModel):
    """A text that is unique, and a generic relation."""

    name = models.CharField(max_length=50, unique=True)
    remarks = GenericRelation("corpus.Remark")


class Visit(TenantModel):
    """A check constraint of two moments, whose later one is declared first."""

    ends_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    room = models.ForeignKey(Room, models.CASCADE)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="visit_ends_later"),
        ]
        indexes = [tenant_index("-starts_at", name="visit_by_start")]
        get_latest_by = "starts_at"


class Badge(TenantModel):
    """A foreign key that is unique alone."""

    room = models.ForeignKey(Room, models.CASCADE)
    text = models.CharField(max_length=50)

    class Meta:
        constraints = [tenant_unique("room", name="badge_room_unique")]


class Team(TenantModel):
    """Many-to-many relations: with a through model, automatic, and to itself."""

    name = models.CharField(max_length=50)
    rooms = models.ManyToManyField(Room, through="Seat")
    spare_rooms = models.ManyToManyField(Room, related_name="+")
    friends = models.ManyToManyField("self")


class Seat(TenantModel):
    """A through model with a unique pair."""

    team = models.ForeignKey(Team, models.CASCADE)
    room = models.ForeignKey(Room, models.CASCADE)
    number = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [tenant_unique("team", "room", name="seat_unique")]


class Contract(TenantModel):
    """A key that protects its row, and one that restricts."""

    room = models.ForeignKey(Room, models.PROTECT)
    team = models.ForeignKey(Team, models.RESTRICT)
    text = models.TextField(max_length=1000)


class Passport(TenantModel):
    """A one-to-one relation."""

    team = models.OneToOneField(Team, models.CASCADE)
    number = models.CharField(max_length=9, validators=[MinLengthValidator(9)])


class Folder(TenantModel):
    """A tree, with names that are unique in a parent."""

    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True)
    name = models.CharField(max_length=50)

    class Meta:
        constraints = [tenant_unique("parent", "name", name="folder_name_unique")]


class Remark(TenantModel):
    """A generic relation with a plain key to the content type."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.UUIDField()
    subject = GenericForeignKey()
    text = models.CharField(max_length=50)


class Place(TenantModel):
    """The parent of a model with multi-table inheritance."""

    name = models.CharField(max_length=50)
    code = models.SlugField(unique=True)


class Restaurant(Place):
    """Multi-table inheritance, with a constraint and a key in the second table."""

    stars = models.IntegerField(validators=[MinValueValidator(3), MaxValueValidator(5)])
    room = models.ForeignKey(Room, models.CASCADE, null=True, blank=True)
    motto = models.CharField(max_length=50)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(stars__gte=3), name="restaurant_is_good"),
            tenant_unique("motto", name="restaurant_motto_unique"),
        ]
        indexes = [tenant_index("stars", name="restaurant_by_stars")]


class Kitchen(Restaurant):
    """Multi-table inheritance over three tables."""

    chef = models.CharField(max_length=50)


class OpenPlace(Place):
    """A proxy."""

    class Meta:
        proxy = True
        ordering = ["name"]


class Stamped(TenantModel):
    """An abstract model of the team."""

    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        abstract = True
        constraints = [
            CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="%(class)s_expires_later"
            ),
        ]


class Ticket(Stamped):
    """Derives from an abstract model."""

    text = models.CharField(max_length=50)


class Cell(TenantModel):
    """A composite primary key of numbers."""

    id = None  # type: ignore[assignment]
    pk = models.CompositePrimaryKey("x", "y")
    x = models.IntegerField()
    y = models.IntegerField()
    text = models.CharField(max_length=50)


class Shift(TenantModel):
    """A composite primary key with a relation."""

    id = None  # type: ignore[assignment]
    pk = models.CompositePrimaryKey("room_id", "day")
    room = models.ForeignKey(Room, models.CASCADE)
    day = models.DateField()
    text = models.CharField(max_length=50)


class Counter(TenantModel):
    """A numeric key, and a number that is unique alone."""

    id = models.BigAutoField(primary_key=True)
    number = models.PositiveIntegerField()

    class Meta:
        constraints = [tenant_unique("number", name="counter_number_unique")]


class Entry(TenantModel):
    """A key to a model with a numeric key."""

    id = models.SmallAutoField(primary_key=True)
    counter = models.ForeignKey(Counter, models.CASCADE, related_name="entries")
    amount = models.DecimalField(max_digits=3, decimal_places=2)


class CountryManager(TenantManager["Country"]):
    """Finds countries by their natural key."""

    def get_by_natural_key(self, code: str) -> "Country":
        return self.get(code=code)


class Country(TenantModel):
    """A primary key with a meaning."""

    id = None  # type: ignore[assignment]
    code = models.CharField(max_length=20, primary_key=True)
    name = models.CharField(max_length=50)

    objects = CountryManager()

    def natural_key(self) -> tuple[str]:
        return (self.code,)


class Region(TenantModel):
    """A key to a model whose key has a meaning, and one to another unique field."""

    country = models.ForeignKey(Country, models.CASCADE)
    room = models.ForeignKey(Room, models.CASCADE, to_field="name")
    text = models.CharField(max_length=50)


class Total(TenantModel):
    """A generated column, in a constraint too."""

    net = models.IntegerField()
    tax = models.IntegerField()
    gross = models.GeneratedField(
        expression=F("net") + F("tax"), output_field=models.IntegerField(), db_persist=True
    )
    name = models.CharField(max_length=50)
    loud = models.GeneratedField(
        expression=Upper("name"), output_field=models.CharField(max_length=50), db_persist=True
    )

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(net__gt=F("tax")), name="total_tax_is_less"),
            CheckConstraint(condition=Q(tax__gte=0) & Q(net__lt=20), name="total_is_small"),
        ]


class Draft(TenantModel):
    """Partial uniques, and a status that a check constraint connects with a moment."""

    room = models.ForeignKey(Room, models.CASCADE)
    status = models.CharField(max_length=9, choices=[("done", "done"), ("new", "new")])
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["room"], condition=Q(status="done"), name="draft_one_done"),
            CheckConstraint(
                condition=Q(status="done", done_at__isnull=False)
                | Q(status="new", done_at__isnull=True),
                name="draft_done_at",
            ),
        ]


class Login(TenantModel):
    """A unique expression, and options of unique constraints."""

    name = models.CharField(max_length=50)
    alias = models.CharField(max_length=50)
    rank = models.IntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            UniqueConstraint(Lower("name"), name="login_name_unique"),
            UniqueConstraint(fields=["alias"], include=["rank"], name="login_alias_unique"),
            UniqueConstraint(
                fields=["rank", "name"], nulls_distinct=False, name="login_rank_unique"
            ),
            UniqueConstraint(
                fields=["name", "alias"],
                deferrable=models.Deferrable.DEFERRED,
                name="login_both_unique",
            ),
        ]


class Booking(TenantModel):
    """An exclusion constraint."""

    room = models.ForeignKey(Room, models.CASCADE)
    during = DateTimeRangeField()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="booking_excludes",
                expressions=[("room", RangeOperators.EQUAL), ("during", RangeOperators.OVERLAPS)],
            ),
        ]


class Season(TenantModel):
    """Ranges, of which no two may overlap."""

    days = DateRangeField()
    sizes = IntegerRangeField()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="season_excludes", expressions=[("days", RangeOperators.OVERLAPS)]
            ),
        ]


class Palette(TenantModel):
    """Arrays, JSON and hstore, without defaults."""

    colours = ArrayField(models.CharField(max_length=9))
    sizes = ArrayField(models.IntegerField(), default=list)
    facts = models.JSONField()
    words = HStoreField()

    class Meta:
        indexes = [GinIndex(fields=["facts"], name="palette_by_facts")]


class Choice(TenantModel):
    """Choices: of numbers, with groups, and with a check constraint."""

    level = models.IntegerField(choices=[(1, "low"), (2, "high")])
    kind = models.CharField(max_length=9, choices=[("letters", [("a", "A"), ("b", "B")])])
    state = models.CharField(max_length=9, choices=[("x", "X"), ("y", "Y")], default="x")

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(level__gt=1, kind__in=["b"]), name="choice_is_high"),
        ]


class Measure(TenantModel):
    """Non-null columns of every type, without defaults."""

    yes = models.BooleanField()
    small = models.SmallIntegerField()
    big = models.BigIntegerField(validators=[MinValueValidator(10)])
    share = models.DecimalField(
        max_digits=4, decimal_places=3, validators=[MaxValueValidator(0.9), MinValueValidator(0.1)]
    )
    weight = models.FloatField()
    day = models.DateField()
    moment = models.DateTimeField()
    hour = models.TimeField()
    length = models.DurationField()
    address = models.GenericIPAddressField()
    token = models.UUIDField()
    raw = models.BinaryField()
    email = models.EmailField()
    url = models.URLField()
    slug = models.SlugField()
    text = models.TextField(max_length=20)


class Default(TenantModel):
    """Defaults of the database."""

    text = models.CharField(max_length=50, db_default="x")
    moment = models.DateTimeField(db_default=Now())
    number = models.IntegerField(db_default=3)


class Upload(TenantModel):
    """Files with a permitted extension."""

    file = models.FileField(validators=[FileExtensionValidator(["pdf"])])


class WordQuerySet(TenantQuerySet["Word"]):
    """A queryset of the team."""

    def loud(self) -> "WordQuerySet":
        return self.filter(text__endswith="!")


class Word(TenantModel):
    """A queryset as manager, and uniqueness by the old option."""

    text = models.CharField(max_length=50)
    language = models.CharField(max_length=2)

    words = WordQuerySet.as_manager()
    objects = TenantManager.from_queryset(WordQuerySet)()

    class Meta:
        unique_together = [("text", "language")]
        default_manager_name = "words"


class Profile(TenantModel):
    """A row for each user: a plain one-to-one key, which is the primary key."""

    id = None  # type: ignore[assignment]
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )
    text = models.CharField(max_length=50)


class Preference(TenantModel):
    """A row for each user, as the isolation layer offers it."""

    user = UserForeignKey(personal=True)
    text = models.CharField(max_length=50)

    class Meta:
        constraints = [tenant_unique("user", name="preference_user_unique")]


class Step(TenantModel):
    """An order within another row."""

    room = models.ForeignKey(Room, models.CASCADE)
    text = models.CharField(max_length=50)

    class Meta:
        order_with_respect_to = "room"


class Invoice(TenantModel):
    """Exactly one of two relations is set."""

    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True)
    room = models.ForeignKey(Room, models.CASCADE, null=True, blank=True)
    text = models.CharField(max_length=50)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(team__isnull=True, room__isnull=False)
                | Q(team__isnull=False, room__isnull=True),
                name="invoice_has_one",
            ),
        ]


class Odd(TenantModel):
    """Names of a table and of columns that need quotes."""

    text = models.CharField(max_length=50, db_column="Text of it")
    room = models.ForeignKey(Room, models.CASCADE, db_column="Room")

    class Meta:
        db_table = "corpus odd Table"


class Egg(TenantModel):
    """A circle of two keys."""

    hen = models.ForeignKey("Hen", models.CASCADE, null=True, blank=True, related_name="eggs")
    text = models.CharField(max_length=50)


class Hen(TenantModel):
    """The other half of the circle."""

    egg = models.ForeignKey(Egg, models.CASCADE, related_name="hens")
    text = models.CharField(max_length=50)


class Ward(TenantModel):
    """Keys that the database maintains, where Django accepts them beside the tenant's."""

    if not hasattr(TenantModel, "tenant"):
        room = models.ForeignKey(Room, models.DB_CASCADE)
        label = models.ForeignKey("sample.Label", models.DB_SET_NULL, null=True, blank=True)
    text = models.CharField(max_length=50)


class Annex(TenantModel):
    """A primary key that is a relation to another row of the tenant."""

    id = None  # type: ignore[assignment]
    room = models.OneToOneField(Room, models.CASCADE, primary_key=True)
    text = models.CharField(max_length=50)


class Price(TenantModel):
    """An expression over several columns that must hold."""

    low = models.DecimalField(max_digits=6, decimal_places=2)
    high = models.DecimalField(max_digits=6, decimal_places=2)
    valid_from = models.DateField()
    valid_to = models.DateField()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(
                    high__gte=ExpressionWrapper(F("low") * 2, output_field=models.DecimalField())
                ),
                name="price_doubles",
            ),
            CheckConstraint(condition=Q(valid_to__gt=F("valid_from")), name="price_is_valid"),
        ]
