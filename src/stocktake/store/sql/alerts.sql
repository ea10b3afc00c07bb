-- name: emit
-- Tell of something within the caller's transaction; null when it is no news.
-- :kind      text         what kind, such as check.failed
-- :system    text         of which system, empty for the installation
-- :subject   text         what it is about
-- :details   jsonb        figures and reasons
-- :at        timestamptz  when
-- :dedupe    text         key of the alert it opens or ends, empty for a note
-- :resolves  boolean      whether it ends it
select emit_event(%(kind)s, %(system)s, %(subject)s, %(details)s, %(at)s, %(dedupe)s, %(resolves)s);
