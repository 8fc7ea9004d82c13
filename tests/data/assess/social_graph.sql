-- Users who follow users.
CREATE TABLE users (id bigint PRIMARY KEY, name text);
CREATE TABLE posts (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, body text);
CREATE TABLE likes (user_id bigint NOT NULL REFERENCES users, post_id bigint NOT NULL REFERENCES posts,
    PRIMARY KEY (user_id, post_id));
CREATE TABLE follows (follower_id bigint NOT NULL REFERENCES users,
    followee_id bigint NOT NULL REFERENCES users, PRIMARY KEY (follower_id, followee_id));
INSERT INTO users SELECT i, 'u' FROM generate_series(1, 20000) i;
INSERT INTO posts SELECT i, i % 20000 + 1, 'b' FROM generate_series(1, 40000) i;
INSERT INTO likes SELECT i % 20000 + 1, i % 40000 + 1 FROM generate_series(1, 40000) i;
INSERT INTO follows SELECT i % 20000 + 1, (i * 7 + i / 20000) % 20000 + 1 FROM generate_series(1, 60000) i;
