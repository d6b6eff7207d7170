-- The dirt is mended, as somebody would after `check`.
UPDATE pm_card SET headline = left(coalesce(headline, 'Untitled'), 200) WHERE id > 100000;
DELETE FROM pm_card WHERE id = 100003;
DELETE FROM pm_board WHERE id = 51;
UPDATE pm_board SET owner_id = 2 WHERE id = 52;
UPDATE crm_customer SET slug = 'initech-cards' WHERE id = 3;
DELETE FROM auth_user WHERE id = 101;
INSERT INTO auth_user VALUES (102, 'boss@initech.test', 'Bill', 'L', true, '2020-01-01', 3);
