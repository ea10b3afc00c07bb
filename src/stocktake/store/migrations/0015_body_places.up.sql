-- Bodies may be kept as objects: such a row holds no content, and says how large its object is.
-- Whether new bodies become objects, and where, is one setting of the installation; only the owner
-- of the tables changes it, so that no two programs disagree.
alter table body alter column content drop not null;
alter table body add column object_bytes bigint;
-- When its object was found to be gone or damaged: its capture is asked for as if it were unknown,
-- and the next answer with this content brings it back.
alter table body add column lost_at timestamptz;
alter table body add constraint body_is_somewhere
    check ((content is null) = (object_bytes is not null));
create index body_in_objects on body (sha256) include (object_bytes) where content is null;
create index body_lost on body (sha256) where lost_at is not null;

create table body_store (
    only_row   boolean primary key default true check (only_row),
    -- never with a secret in it
    url        text not null,
    -- whether new bodies go there; those that are there stay readable either way
    is_used    boolean not null,
    changed_at timestamptz not null default now()
);
revoke insert, update, delete on body_store from stocktake_app;
