-- What a new database has. Written by schema.test.ts; vitest -u writes it anew.

CREATE INDEX idx_api_keys_user ON api_keys (user_id);

CREATE INDEX idx_cq_store_created ON knowledge_units (created_at, id);

CREATE INDEX idx_cq_store_ended_sessions ON cq_store_ended_sessions (expires_at, session);

CREATE INDEX idx_cq_store_history ON cq_store_history (unit_id, entry);

CREATE INDEX idx_cq_store_login_codes ON cq_store_login_codes (expires_at, code_hash);

CREATE INDEX idx_cq_store_review ON knowledge_units (status, created_at, id) WHERE status <> 'approved';

CREATE INDEX idx_cq_store_reviewed ON knowledge_units (reviewed_at, id) WHERE reviewed_at IS NOT NULL;

CREATE INDEX idx_cq_store_undated ON knowledge_units (created_at, id) WHERE reviewed_at IS NULL AND status <> 'pending';

CREATE INDEX idx_domains_domain ON knowledge_unit_domains (domain);

CREATE TABLE alembic_version (
  version_num VARCHAR(32) NOT NULL,
  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE api_keys (
  id TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  labels TEXT DEFAULT '[]' NOT NULL,
  key_prefix TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  ttl TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  last_used_at TEXT,
  revoked_at TEXT,
  PRIMARY KEY (id),
  UNIQUE (key_hash),
  FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE cq_store_changes (
  change INTEGER PRIMARY KEY,
  unit_id TEXT
);

CREATE TABLE cq_store_counts (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE TABLE cq_store_ended_sessions (
  session TEXT PRIMARY KEY NOT NULL,
  expires_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE cq_store_history (
  entry INTEGER PRIMARY KEY,
  unit_id TEXT NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL
);

CREATE TABLE cq_store_login_codes (
  code_hash TEXT PRIMARY KEY NOT NULL,
  username TEXT NOT NULL,
  generation INTEGER NOT NULL,
  code_challenge TEXT NOT NULL,
  expires_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE cq_store_migrations (name TEXT PRIMARY KEY NOT NULL, applied_at TEXT NOT NULL);

CREATE TABLE cq_store_proposals (
  entry INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  fingerprint TEXT,
  unit_id TEXT NOT NULL,
  at INTEGER NOT NULL
);

CREATE TABLE cq_store_roles (
  username TEXT PRIMARY KEY NOT NULL,
  role TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE cq_store_session_generations (
  username TEXT PRIMARY KEY NOT NULL,
  generation INTEGER NOT NULL,
  ended_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE cq_store_texts (
  text INTEGER PRIMARY KEY,
  unit_id TEXT NOT NULL UNIQUE
);

CREATE TABLE cq_store_unindexed (
  entry INTEGER PRIMARY KEY,
  unit_id TEXT NOT NULL
);

CREATE VIRTUAL TABLE cq_store_words USING fts5 (
  summary, detail, action, domains,
  content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '3'
);

CREATE TABLE 'cq_store_words_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE 'cq_store_words_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'cq_store_words_docsize'(id INTEGER PRIMARY KEY, sz BLOB, origin INTEGER);

CREATE TABLE 'cq_store_words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE knowledge_unit_domains (
  unit_id TEXT NOT NULL,
  domain TEXT NOT NULL,
  PRIMARY KEY (unit_id, domain),
  FOREIGN KEY(unit_id) REFERENCES knowledge_units (id) ON DELETE CASCADE
);

CREATE TABLE knowledge_units (
  id TEXT NOT NULL,
  data TEXT NOT NULL,
  status TEXT DEFAULT 'pending' NOT NULL,
  reviewed_by TEXT,
  reviewed_at TEXT,
  created_at TEXT,
  tier TEXT DEFAULT 'private' NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE sqlite_sequence(name,seq);

CREATE TABLE users (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  username TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (username)
);

CREATE TRIGGER cq_store_count_added AFTER INSERT ON knowledge_units
BEGIN
  INSERT INTO cq_store_counts (kind, name, count)
  SELECT 'status', new.status, 1 WHERE new.status IS NOT NULL
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;
  INSERT INTO cq_store_counts (kind, name, count)
  SELECT 'proposed', substr(new.created_at, 1, 10), 1 WHERE new.created_at IS NOT NULL
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER cq_store_count_added_reviewed AFTER INSERT ON knowledge_units WHEN new.reviewed_at IS NOT NULL AND new.status IN ('approved', 'rejected')
BEGIN
  INSERT INTO cq_store_counts (kind, name, count)
  SELECT new.status, substr(new.reviewed_at, 1, 10), 1 WHERE new.reviewed_at IS NOT NULL AND new.status IN ('approved', 'rejected')
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER cq_store_count_proposed AFTER UPDATE OF created_at ON knowledge_units
WHEN old.created_at IS NOT new.created_at
BEGIN
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = 'proposed' AND name = substr(old.created_at, 1, 10) AND old.created_at IS NOT NULL;
  INSERT INTO cq_store_counts (kind, name, count)
  SELECT 'proposed', substr(new.created_at, 1, 10), 1 WHERE new.created_at IS NOT NULL
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER cq_store_count_removed AFTER DELETE ON knowledge_units
BEGIN
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = 'status' AND name = old.status AND old.status IS NOT NULL;
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = 'proposed' AND name = substr(old.created_at, 1, 10) AND old.created_at IS NOT NULL;
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = old.status AND name = substr(old.reviewed_at, 1, 10) AND old.reviewed_at IS NOT NULL AND old.status IN ('approved', 'rejected');
END;

CREATE TRIGGER cq_store_count_reviewed_before AFTER UPDATE OF status, reviewed_at ON knowledge_units
WHEN old.reviewed_at IS NOT NULL AND old.status IN ('approved', 'rejected')
BEGIN
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = old.status AND name = substr(old.reviewed_at, 1, 10) AND old.reviewed_at IS NOT NULL AND old.status IN ('approved', 'rejected');
END;

CREATE TRIGGER cq_store_count_reviewed_now AFTER UPDATE OF status, reviewed_at ON knowledge_units
WHEN new.reviewed_at IS NOT NULL AND new.status IN ('approved', 'rejected')
BEGIN
  INSERT INTO cq_store_counts (kind, name, count)
  SELECT new.status, substr(new.reviewed_at, 1, 10), 1 WHERE new.reviewed_at IS NOT NULL AND new.status IN ('approved', 'rejected')
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER cq_store_count_status AFTER UPDATE OF status ON knowledge_units WHEN old.status IS NOT new.status
BEGIN
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = 'status' AND name = old.status AND old.status IS NOT NULL;
  INSERT INTO cq_store_counts (kind, name, count)
  SELECT 'status', new.status, 1 WHERE new.status IS NOT NULL
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER cq_store_note_added AFTER INSERT ON knowledge_units WHEN new.status = 'approved'
BEGIN
  INSERT INTO cq_store_changes (unit_id) VALUES (new.id);
  DELETE FROM cq_store_changes WHERE change = last_insert_rowid() - 100000;
END;

CREATE TRIGGER cq_store_note_changed AFTER UPDATE OF data, status ON knowledge_units
WHEN old.status = 'approved' OR new.status = 'approved'
BEGIN
  INSERT INTO cq_store_changes (unit_id) VALUES (new.id);
  DELETE FROM cq_store_changes WHERE change = last_insert_rowid() - 100000;
END;

CREATE TRIGGER cq_store_note_removed AFTER DELETE ON knowledge_units WHEN old.status = 'approved'
BEGIN
  INSERT INTO cq_store_changes (unit_id) VALUES (old.id);
  DELETE FROM cq_store_changes WHERE change = last_insert_rowid() - 100000;
END;

CREATE TRIGGER cq_store_note_renamed AFTER UPDATE OF id ON knowledge_units WHEN old.id IS NOT new.id
BEGIN
  INSERT INTO cq_store_changes (unit_id) VALUES (old.id);
  DELETE FROM cq_store_changes WHERE change = last_insert_rowid() - 100000;
  INSERT INTO cq_store_changes (unit_id) VALUES (new.id);
  DELETE FROM cq_store_changes WHERE change = last_insert_rowid() - 100000;
END;

CREATE TRIGGER cq_store_note_replaced BEFORE INSERT ON knowledge_units
WHEN EXISTS (SELECT 1 FROM knowledge_units WHERE id = new.id AND status = 'approved')
BEGIN
  INSERT INTO cq_store_changes (unit_id) VALUES (new.id);
  DELETE FROM cq_store_changes WHERE change = last_insert_rowid() - 100000;
END;

CREATE TRIGGER cq_store_text_added AFTER INSERT ON knowledge_units WHEN new.status = 'approved'
BEGIN
  INSERT INTO cq_store_unindexed (unit_id) SELECT new.id WHERE new.id IS NOT NULL;
END;

CREATE TRIGGER cq_store_text_changed AFTER UPDATE OF data, status ON knowledge_units
WHEN (old.status IS 'approved') <> (new.status IS 'approved')
  OR new.status = 'approved' AND old.data IS NOT new.data
    AND NOT (instr(new.data, '"insight":') BETWEEN 1 AND instr(new.data, '"context":') AND substr(old.data, 1, instr(old.data, '"context":')) = substr(new.data, 1, instr(new.data, '"context":')))
BEGIN
  INSERT INTO cq_store_unindexed (unit_id) SELECT new.id WHERE new.id IS NOT NULL;
END;

CREATE TRIGGER cq_store_text_removed AFTER DELETE ON knowledge_units WHEN old.status = 'approved'
BEGIN
  INSERT INTO cq_store_unindexed (unit_id) SELECT old.id WHERE old.id IS NOT NULL;
END;

CREATE TRIGGER cq_store_text_renamed AFTER UPDATE OF id ON knowledge_units WHEN old.id IS NOT new.id
BEGIN
  INSERT INTO cq_store_unindexed (unit_id) SELECT old.id WHERE old.id IS NOT NULL;
  INSERT INTO cq_store_unindexed (unit_id) SELECT new.id WHERE new.id IS NOT NULL;
END;

CREATE TRIGGER cq_store_text_unindexed AFTER DELETE ON cq_store_texts
BEGIN
  DELETE FROM cq_store_words WHERE rowid = old.text;
END;
