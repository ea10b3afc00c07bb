-- Statements about where the bodies of captures are.

-- name: read_place
-- The store of objects, whether new bodies go there, and the installation it belongs to; no row
-- while every body is in the database.
select url, is_used, installation_id from stocktake.body_store, stocktake.installation;

-- name: hold_store
-- Keep every object, and the place of new ones, until the transaction ends; writers share this.
select pg_advisory_xact_lock_shared(hashtextextended('stocktake.body_store', 0));

-- name: take_store
-- Wait for the writers at work, and let none begin until the transaction ends: an object without a
-- row then belongs to nobody.
select pg_advisory_xact_lock(hashtextextended('stocktake.body_store', 0));

-- name: set_place
-- Say where new bodies go. As the owner.
-- :url      text     the store of objects
-- :is_used  boolean  whether new bodies go there
insert into stocktake.body_store (url, is_used) values (%(url)s, %(is_used)s)
on conflict (only_row) do update
   set url = excluded.url, is_used = excluded.is_used, changed_at = now();

-- name: forget_place
-- Let every body be in the database. As the owner, once no object is left.
delete from stocktake.body_store;

-- name: standing
-- Bodies and their stored bytes: in the database, as objects; and how many objects are lost.
select count(content), coalesce(sum(octet_length(content)), 0)::bigint,
       count(object_bytes), coalesce(sum(object_bytes), 0)::bigint, count(lost_at)
  from stocktake.body;

-- name: has_objects
-- Whether any body is an object.
select exists (select from stocktake.body where content is null);

-- name: has_bodies
-- Whether any body is stored.
select exists (select from stocktake.body);

-- name: contents
-- Contents that are in the database, of these.
-- :hashes  bytea[]  SHA-256 of contents
select sha256, content
  from stocktake.body
 where sha256 = any(%(hashes)s) and content is not null;

-- name: next_in_database
-- The bodies after one, by hash, that are in the database; as many as fit into so many bytes, and
-- at least one.
-- :after  bytea   the last one seen
-- :bytes  bigint  most bytes of contents
select sha256, content
  from (select sha256, content, sum(octet_length(content)) over (order by sha256)
                                - octet_length(content) as bytes_before
          from (select sha256, content
                  from stocktake.body
                 where sha256 > %(after)s and content is not null
                 order by sha256
                 limit 200) as following) as summed
 where bytes_before < %(bytes)s
 order by sha256;

-- name: next_in_objects
-- The same of bodies that are objects.
-- :after  bytea   the last one seen
-- :bytes  bigint  most bytes of objects
select sha256
  from (select sha256, sum(object_bytes) over (order by sha256) - object_bytes as bytes_before
          from (select sha256, object_bytes
                  from stocktake.body
                 where sha256 > %(after)s and content is null
                 order by sha256
                 limit 200) as following) as summed
 where bytes_before < %(bytes)s
 order by sha256;

-- name: become_object
-- A body's object is there and was read: its content leaves the database.
-- :sha256  bytea   its SHA-256
-- :bytes   bigint  size of the object
update stocktake.body
   set content = null, object_bytes = %(bytes)s
 where sha256 = %(sha256)s and content is not null;

-- name: become_content
-- A body is in the database again; its object stays until somebody removes what is not needed.
-- :sha256   bytea  its SHA-256
-- :content  bytea  the content, compressed
update stocktake.body
   set content = %(content)s, object_bytes = null, lost_at = null
 where sha256 = %(sha256)s and content is null;

-- name: objects_between
-- Bodies that are objects and their sizes, whose hash begins with a byte.
-- :low   bytea  the byte
-- :high  bytea  33 bytes that no such hash exceeds
select sha256, object_bytes
  from stocktake.body
 where content is null and sha256 >= %(low)s and sha256 <= %(high)s;

-- name: note_lost
-- Note which objects with a byte are gone or damaged, and that the others are not.
-- :low     bytea    the byte
-- :high    bytea    33 bytes that no such hash exceeds
-- :hashes  bytea[]  SHA-256 of those that are lost
-- :now     timestamptz  when
update stocktake.body
   set lost_at = case when sha256 = any(%(hashes)s) then %(now)s::timestamptz end
 where content is null and sha256 >= %(low)s and sha256 <= %(high)s
   and (lost_at is not null) <> (sha256 = any(%(hashes)s));

-- name: captures_of
-- A capture of each of these contents, and how many there are.
-- :hashes  bytea[]  SHA-256 of contents
select sha256, min(capture_id), count(*)
  from stocktake.capture
 where sha256 = any(%(hashes)s)
 group by sha256
 order by 2;
