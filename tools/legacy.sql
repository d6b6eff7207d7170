-- The database of an old project: integer keys, a column for the customer, and all kinds of dirt.
CREATE TABLE crm_customer (id int PRIMARY KEY, slug text, name text);
CREATE TABLE auth_user (
    id int PRIMARY KEY, email text, first_name text, last_name text, is_superuser bool,
    date_joined timestamptz, customer_id int
);
CREATE TABLE pm_board (
    id int PRIMARY KEY, customer_id int, title text, owner_id int, created timestamptz
);
CREATE TABLE pm_card (
    id int PRIMARY KEY, board_id int, headline text, state int, assignee_id int, due date, rank int,
    created timestamptz, is_deleted bool
);
CREATE TABLE pm_file (id int PRIMARY KEY, card_id int, path text, bytes int);

INSERT INTO crm_customer VALUES (1, 'acme-cards', 'Acme'), (2, 'globex-cards', 'Globex');
INSERT INTO auth_user
    SELECT n, 'User' || n || '@cards.test', 'User', n::text, n <= 2, '2020-01-01', 1 + n % 2
    FROM generate_series(1, 100) n;
INSERT INTO pm_board
    SELECT n, 1 + n % 2, 'Board ' || n, 2 - n % 2, '2021-01-01 00:00+2' FROM generate_series(1, 50) n;
INSERT INTO pm_card
    SELECT n, 1 + n % 50, 'Card ' || n, n % 3, CASE WHEN n % 5 = 0 THEN 1 + n % 100 END,
        '2026-01-01'::date + n % 365, n % 1000, '2022-01-01'::timestamptz + n * interval '1 min',
        n % 100 = 0
    FROM generate_series(1, 100000) n;
INSERT INTO pm_file SELECT n, n, 'cards/' || n || '.txt', 5 FROM generate_series(1, 10) n;

-- Dirt: a text that is too long, an empty one, a board of nobody, a card of no board, a board whose
-- owner works for another customer, a slug that is none, two users with one address.
INSERT INTO pm_card VALUES (100001, 1, repeat('x', 300), 0, NULL, NULL, 0, '2022-01-01', false);
INSERT INTO pm_card VALUES (100002, 1, NULL, 0, NULL, NULL, 0, '2022-01-01', false);
INSERT INTO pm_board VALUES (51, NULL, 'Nobody', 1, '2021-01-01');
INSERT INTO pm_card VALUES (100003, 99, 'Lost', 0, NULL, NULL, 0, '2022-01-01', false);
INSERT INTO pm_board VALUES (52, 1, 'Strange', 1, '2021-01-01');
INSERT INTO crm_customer VALUES (3, 'Initech Ltd.', 'Initech');
INSERT INTO auth_user VALUES (101, 'USER1@cards.test', 'Twin', '1', false, '2020-01-01', 2);
