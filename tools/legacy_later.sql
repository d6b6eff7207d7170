-- The old project goes on between copy and opening: a card is edited, one is new, a board is deleted
-- with its cards, and a user has another address.
UPDATE pm_card SET headline = 'Edited' WHERE id = 1;
INSERT INTO pm_card VALUES (100004, 2, 'New', 0, NULL, NULL, 0, '2026-01-01', false);
DELETE FROM pm_card WHERE board_id = 50;
DELETE FROM pm_board WHERE id = 50;
UPDATE auth_user SET email = 'new@cards.test' WHERE id = 4;
