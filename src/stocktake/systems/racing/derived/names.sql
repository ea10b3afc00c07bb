-- name: touched
-- Whoever has a spelling more, or one seen later.
-- :kind  text  horse, jockey, trainer, owner, sire, dam or damsire
select id from changed_entity_alias where entity_type = %(kind)s;

-- name: compute
-- The spelling used on the latest race day; a name is not an identity.
-- :kind  text  horse, jockey, trainer, owner, sire, dam or damsire
select distinct on (k.id) k.id, a.name
  from touched_keys k
  join racing.entity_alias a on a.id = k.id and a.entity_type = %(kind)s
 -- the longer one of a day: cards leave the country out
 order by k.id, a.last_seen desc nulls last, length(a.name) desc, a.name;
