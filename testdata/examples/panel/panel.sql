-- A made-up panel of the MySQL era: users with a group id, a reseller id on users and customers, and rate cards
-- with a list of resellers. It has the usual faults: a user without a group, a customer of a reseller that is
-- gone, and a group that gives resellers more than they may have.

CREATE TABLE resellers (
    id       INT PRIMARY KEY,
    company  VARCHAR(100) NOT NULL,
    email    VARCHAR(100) NOT NULL DEFAULT '',
    currency CHAR(3) NOT NULL,
    active   TINYINT NOT NULL DEFAULT 1
);

CREATE TABLE user_groups (
    id            INT PRIMARY KEY,
    name          VARCHAR(50) NOT NULL,
    for_resellers TINYINT NOT NULL DEFAULT 0
);

CREATE TABLE group_rights (
    group_id INT NOT NULL,
    page     VARCHAR(50) NOT NULL,
    can_view TINYINT NOT NULL DEFAULT 0,
    can_add  TINYINT NOT NULL DEFAULT 0,
    can_edit TINYINT NOT NULL DEFAULT 0,
    can_drop TINYINT NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id, page)
);

CREATE TABLE users (
    id          INT PRIMARY KEY,
    username    VARCHAR(100) NOT NULL,
    full_name   VARCHAR(100) NOT NULL,
    group_id    INT NOT NULL DEFAULT 0,
    reseller_id INT NOT NULL DEFAULT 0,
    disabled    TINYINT NOT NULL DEFAULT 0
);

CREATE TABLE customers (
    id          INT PRIMARY KEY,
    reseller_id INT NOT NULL DEFAULT 0,
    company     VARCHAR(100) NOT NULL,
    email       VARCHAR(100) NOT NULL DEFAULT '',
    state       ENUM('on', 'off', 'gone') NOT NULL DEFAULT 'on',
    currency    CHAR(3) NOT NULL
);

CREATE TABLE rate_cards (
    id        INT PRIMARY KEY,
    name      VARCHAR(100) NOT NULL,
    shown_as  VARCHAR(100) NOT NULL DEFAULT '',
    buying    TINYINT NOT NULL DEFAULT 0,
    currency  CHAR(3) NOT NULL,
    resellers VARCHAR(200) NOT NULL DEFAULT ''
);

INSERT INTO resellers VALUES
    (1, 'Bright Call', 'office@brightcall.example', 'EUR', 1),
    (2, 'Andes Voz', '', 'EUR', 1),
    (3, 'Kestrel', '', 'EUR', 0);

INSERT INTO user_groups VALUES (1, 'NOC', 0), (2, 'Reseller', 1), (3, 'Reseller office', 1);

INSERT INTO group_rights VALUES
    (1, 'customers', 1, 0, 1, 0), (1, 'cdr', 1, 0, 0, 0), (1, 'routing', 1, 1, 1, 1),
    (2, 'customers', 1, 1, 1, 1), (2, 'cdr', 1, 0, 0, 0), (2, 'routing', 1, 0, 0, 0),
    (3, 'customers', 1, 0, 1, 0);

INSERT INTO users VALUES
    (1, 'nina@halyard.example', 'Nina', 1, 0, 0),
    (2, 'omar@halyard.example', 'Omar', 0, 0, 0),
    (3, 'boss@brightcall.example', 'Bea', 2, 1, 0),
    (4, 'desk@brightcall.example', 'Dan', 3, 1, 0),
    (5, 'jefa@andes.example', 'Ana', 2, 2, 1);

INSERT INTO customers VALUES
    (1, 0, 'Otter Cars', 'otter@example.com', 'on', 'EUR'),
    (2, 1, 'Kingsley Estates', '', 'on', 'EUR'),
    (3, 1, 'Larkfield Schools', '', 'off', 'EUR'),
    (4, 2, 'Marlow Taxis', '', 'on', 'EUR'),
    (5, 9, 'Nobody''s Bakery', '', 'on', 'EUR'),
    (6, 2, 'Left Long Ago', '', 'gone', 'EUR');

INSERT INTO rate_cards VALUES
    (1, 'Tidewater A-Z', '', 1, 'EUR', ''),
    (2, 'AZ gold on Tidewater +12', 'A-Z Gold', 0, 'EUR', '1,2'),
    (3, 'AZ silver', 'A-Z Silver', 0, 'EUR', '2');
