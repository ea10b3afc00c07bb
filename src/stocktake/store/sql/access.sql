-- name: add_user
-- Nothing when the name is taken.
-- :name text, :password_hash text or null, :role text, :invite_hash bytea or null
-- :invite_until timestamptz or null, :by text, :now timestamptz
insert into user_account (name, password_hash, role, invite_hash, invite_until, created_at, created_by)
values (%(name)s, %(password_hash)s, %(role)s, %(invite_hash)s, %(invite_until)s, %(now)s, %(by)s)
on conflict (name) do nothing
returning user_id;

-- name: lock_first_user
-- One at a time may make the first user; held until the transaction ends.
select pg_advisory_xact_lock(hashtext('stocktake.first_user'));

-- name: has_users
-- Whether anybody can ever have logged in.
select exists (select from user_account);

-- name: list_users
-- Every account by name, with its open sessions.
-- :idle_since timestamptz, :begun_since timestamptz
select user_id, name, role, is_active, password_hash is null as is_invited, invite_until, created_at,
       created_by, last_login_at,
       (select count(*) from session
         where session.user_id = user_account.user_id and ended_at is null and not is_half
           and seen_at > %(idle_since)s and session.created_at > %(begun_since)s)
  from user_account
 order by name;

-- name: find_user
-- One account by name, with its password's hash, whether a code is asked for too, and whose it is.
-- An account of a tenant that is not active is not either.
-- :name text
select user_id, name, role,
       is_active and (tenant_id is null
                      or exists (select from tenant t where t.tenant_id = user_account.tenant_id
                                                        and t.status = 'active')) as is_active,
       password_hash, tenant_id,
       exists (select from second_factor f
                where f.user_id = user_account.user_id and f.confirmed_at is not null)
  from user_account where name = %(name)s;

-- name: lock_admins
-- Active admins who can log in; two changes at once cannot remove the last one.
select user_id from user_account
 where role = 'admin' and is_active and password_hash is not null
 order by user_id
   for update;

-- name: set_role
-- The account's former role.
-- :user_id bigint, :role text
update user_account new set role = %(role)s
  from (select user_id, role from user_account where user_id = %(user_id)s for update) former
 where new.user_id = former.user_id
returning former.role;

-- name: set_active
-- Lets an account log in, or no more.
-- :user_id bigint, :is_active boolean
update user_account set is_active = %(is_active)s where user_id = %(user_id)s;

-- name: set_password
-- A new password; an invitation is used up.
-- :user_id bigint, :password_hash text
update user_account
   set password_hash = %(password_hash)s, invite_hash = null, invite_until = null
 where user_id = %(user_id)s;

-- name: set_invitation
-- A new invitation link for an account.
-- :user_id bigint, :invite_hash bytea, :invite_until timestamptz
update user_account set invite_hash = %(invite_hash)s, invite_until = %(invite_until)s
 where user_id = %(user_id)s;

-- name: find_invitation
-- The account an unexpired invitation is for.
-- :invite_hash bytea, :now timestamptz
select user_id, name, role from user_account
 where invite_hash = %(invite_hash)s and invite_until > %(now)s and is_active
   for update;

-- name: note_login
-- When an account last came in.
-- :user_id bigint, :now timestamptz
update user_account set last_login_at = %(now)s where user_id = %(user_id)s;

-- name: preferences
-- What a user chose for pages.
-- :user_id bigint
select preferences from user_account where user_id = %(user_id)s;

-- name: set_preferences
-- Lays choices over earlier ones.
-- :user_id bigint, :preferences jsonb
update user_account set preferences = preferences || %(preferences)s where user_id = %(user_id)s
returning preferences;

-- name: begin_session
-- A session; its token is stored as a hash only. A half one lacks the second factor.
-- :token_hash bytea, :user_id bigint, :address text, :agent text, :is_half boolean, :now timestamptz
insert into session (token_hash, user_id, tenant_id, address, agent, created_at, seen_at, is_half)
select %(token_hash)s, user_id, tenant_id, %(address)s, %(agent)s, %(now)s, %(now)s, %(is_half)s
  from user_account where user_id = %(user_id)s
returning session_id;

-- name: find_session
-- The user of a session that is open, or of one that lacks the second factor.
-- :token_hash bytea, :idle_since timestamptz, :begun_since timestamptz, :is_half boolean
select session_id, user_id, user_account.name, role, seen_at, session.tenant_id,
       session.created_at
  from session join user_account using (user_id)
  left join tenant on tenant.tenant_id = session.tenant_id
 where token_hash = %(token_hash)s and ended_at is null and is_active and is_half = %(is_half)s
   and coalesce(tenant.status, 'active') = 'active'
   and seen_at > %(idle_since)s and session.created_at > %(begun_since)s;

-- name: touch_session
-- The session was used.
-- :session_id bigint, :now timestamptz
update session set seen_at = greatest(seen_at, %(now)s) where session_id = %(session_id)s;

-- name: end_session
-- Ends one session of a user.
-- :session_id bigint, :user_id bigint, :now timestamptz
update session set ended_at = %(now)s
 where session_id = %(session_id)s and user_id = %(user_id)s and ended_at is null
returning session_id;

-- name: end_sessions
-- Ends every session of a user but one.
-- :user_id bigint, :but bigint or null, :now timestamptz
update session set ended_at = %(now)s
 where user_id = %(user_id)s and ended_at is null and session_id is distinct from %(but)s;

-- name: list_sessions
-- A user's open sessions, the latest used first.
-- :user_id bigint, :idle_since timestamptz, :begun_since timestamptz
select session_id, address, agent, created_at, seen_at
  from session
 where user_id = %(user_id)s and ended_at is null and not is_half
   and seen_at > %(idle_since)s and created_at > %(begun_since)s
 order by seen_at desc, session_id desc;

-- name: forget_sessions
-- Removes sessions that ended or ran out before an instant.
-- :before timestamptz
delete from session where ended_at < %(before)s or created_at < %(before)s;

-- name: add_key
-- An API key; its secret is stored as a hash only.
-- :name text, :prefix text, :secret_hash bytea, :role text, :scopes text[], :by text
-- :now timestamptz, :expires_at timestamptz or null
insert into api_key (name, prefix, secret_hash, role, scopes, created_at, created_by, expires_at)
values (%(name)s, %(prefix)s, %(secret_hash)s, %(role)s, %(scopes)s, %(now)s, %(by)s, %(expires_at)s)
returning key_id;

-- name: find_key
-- A key that is neither revoked nor expired.
-- :prefix text, :now timestamptz
select key_id, api_key.name, secret_hash, role, scopes, last_used_at, api_key.tenant_id
  from api_key left join tenant using (tenant_id)
 where prefix = %(prefix)s and revoked_at is null and coalesce(tenant.status, 'active') = 'active'
   and (expires_at is null or expires_at > %(now)s);

-- name: touch_key
-- The key was used.
-- :key_id bigint, :now timestamptz
update api_key set last_used_at = %(now)s where key_id = %(key_id)s;

-- name: list_keys
-- Every key, the newest first.
select key_id, name, prefix, role, scopes, created_at, created_by, expires_at, last_used_at, revoked_at
  from api_key
 order by key_id desc;

-- name: revoke_key
-- Ends a key for good.
-- :key_id bigint, :now timestamptz
update api_key set revoked_at = %(now)s where key_id = %(key_id)s and revoked_at is null
returning name;

-- name: key_exists
-- Whether there ever was a key of this number.
-- :key_id bigint
select exists (select from api_key where key_id = %(key_id)s);

-- name: take_try
-- Counts a login that is about to be tried; no row while tries are blocked. The try that reaches the
-- limit blocks those after it at once, so tries at the same moment cannot slip through. When a block
-- ran out one more try is let in, which begins a block twice as long.
-- :account text, :address text, :most integer, :window interval, :longest interval
-- :forgotten_after interval, :now timestamptz
insert into login_try as known (account, address, tries, began_at)
values (%(account)s, %(address)s, 1, %(now)s)
on conflict (account, address) do update
   set (tries, began_at, blocked_until) = (
       select counted.tries,
              case when counted.tries = 1 or known.blocked_until is not null
                   then %(now)s else known.began_at end,
              case when counted.tries >= %(most)s
                   then %(now)s + least(%(window)s * power(2, least(counted.tries - %(most)s, 16)),
                                        %(longest)s) end
         from (select case when known.began_at + %(forgotten_after)s <= %(now)s
                             or (known.blocked_until is null
                                 and known.began_at + %(window)s <= %(now)s)
                           then 1 else known.tries + 1 end as tries) counted)
 where known.blocked_until is null or known.blocked_until <= %(now)s
returning tries;

-- name: blocked_until
-- Until when tries are blocked.
-- :account text, :address text
select blocked_until from login_try where account = %(account)s and address = %(address)s;

-- name: forget_tries
-- A login succeeded.
-- :account text, :address text
delete from login_try where account = %(account)s and address = %(address)s;

-- name: give_back_try
-- A login succeeded: it does not count against its address.
-- :address text
update login_try set tries = greatest(tries - 1, 0), blocked_until = null
 where account = '' and address = %(address)s;

-- name: write_audit
-- One line of who did what.
-- :now timestamptz, :actor text, :via text, :address text, :action text, :subject text, :details jsonb
insert into audit (at, actor, via, address, action, subject, details)
values (%(now)s, %(actor)s, %(via)s, %(address)s, %(action)s, %(subject)s, %(details)s);

-- name: list_audit
-- Lines of the audit before a number, the newest first.
-- :before bigint or null, :actor text or null, :action text or null, :limit integer
select audit_id, at, actor, via, address, action, subject, details
  from audit
 where (%(before)s::bigint is null or audit_id < %(before)s)
   and (%(actor)s::text is null or actor = %(actor)s)
   and (%(action)s::text is null or action = %(action)s)
 order by audit_id desc
 limit %(limit)s;

-- name: claim_answer
-- Claims an Idempotency-Key; no row when it is known already. An answer too old is replaced, and so
-- is a claim that nobody finished.
-- :actor text, :key text, :request_hash bytea, :now timestamptz, :kept_since timestamptz
-- :claimed_since timestamptz
insert into idempotency as known (actor, key, request_hash, at)
values (%(actor)s, %(key)s, %(request_hash)s, %(now)s)
on conflict (tenant_id, actor, key) do update
   set request_hash = excluded.request_hash, at = excluded.at, status = null, headers = '{}',
       content = ''
 where known.at < %(kept_since)s or (known.status is null and known.at < %(claimed_since)s)
returning actor;

-- name: kept_answer
-- What a key was used for, and its answer.
-- :actor text, :key text
select request_hash, status, headers, content from idempotency
 where actor = %(actor)s and key = %(key)s;

-- name: keep_answer
-- The answer to a claimed key.
-- :actor text, :key text, :status integer, :headers jsonb, :content bytea
update idempotency set status = %(status)s, headers = %(headers)s, content = %(content)s
 where actor = %(actor)s and key = %(key)s;

-- name: drop_claim
-- Lets a key be used again: its request failed before anything was done.
-- :actor text, :key text
delete from idempotency where actor = %(actor)s and key = %(key)s and status is null;

-- name: forget_answers
-- Removes answers from before an instant.
-- :before timestamptz
delete from idempotency where at < %(before)s;

-- name: forget_old_tries
-- Removes tries from before an instant that block nobody now.
-- :before timestamptz, :now timestamptz
delete from login_try
 where began_at < %(before)s and (blocked_until is null or blocked_until < %(now)s);

-- name: enter_account
-- From here to the end of the transaction, rows of the tenant an account belongs to.
-- :name text
select set_config('app.tenant_id', coalesce(tenant_of_account(%(name)s)::text, ''), true);

-- name: enter_invitation
-- The same for an invitation.
-- :invite_hash bytea
select set_config('app.tenant_id', coalesce(tenant_of_invitation(%(invite_hash)s)::text, ''), true);

-- name: enter_session
-- The same for a session.
-- :token_hash bytea
select set_config('app.tenant_id', coalesce(tenant_of_session(%(token_hash)s)::text, ''), true);

-- name: enter_key
-- The same for a key.
-- :prefix text
select set_config('app.tenant_id', coalesce(tenant_of_key(%(prefix)s)::text, ''), true);

-- name: add_tenant
-- Nothing when the short name is taken.
-- :slug text, :name text, :zone text, :by text, :now timestamptz
insert into tenant (slug, name, day_zone, created_at, created_by, changed_at)
values (%(slug)s, %(name)s, %(zone)s, %(now)s, %(by)s, %(now)s)
on conflict (slug) do nothing
returning tenant_id;

-- name: list_tenants
-- Every tenant by its short name.
select tenant_id, slug, name, tier, status, day_zone, currency, created_at, created_by
  from tenant
 order by slug;

-- name: find_tenant
-- One tenant by its short name.
-- :slug text
select tenant_id, slug, name, tier, status, day_zone, currency, created_at, created_by
  from tenant where slug = %(slug)s;

-- name: change_tenant
-- What is null stays.
-- :tenant_id uuid, :tier text or null, :status text or null, :now timestamptz
update tenant set tier = coalesce(%(tier)s, tier), status = coalesce(%(status)s, status),
       changed_at = %(now)s
 where tenant_id = %(tenant_id)s;

-- name: put_factor
-- A second factor that is not asked for until its first code was right; replaces the former one.
-- :user_id bigint, :secret bytea, :now timestamptz
insert into second_factor as f (user_id, secret, created_at)
values (%(user_id)s, %(secret)s, %(now)s)
on conflict (user_id) do update
   set secret = excluded.secret, created_at = excluded.created_at, last_step = 0, recovery = '{}'
 where f.confirmed_at is null
returning user_id;

-- name: find_factor
-- A user's second factor.
-- :user_id bigint
select secret, confirmed_at, last_step, cardinality(recovery) from second_factor
 where user_id = %(user_id)s;

-- name: confirm_factor
-- The first code was right: from now on it is asked for.
-- :user_id bigint, :recovery bytea[], :now timestamptz
update second_factor set confirmed_at = %(now)s, recovery = %(recovery)s
 where user_id = %(user_id)s and confirmed_at is null
returning user_id;

-- name: use_step
-- A code counts once: no row for one that was used, or is older than one that was.
-- :user_id bigint, :step bigint
update second_factor set last_step = %(step)s where user_id = %(user_id)s and last_step < %(step)s
returning user_id;

-- name: use_recovery
-- A recovery code lets in once.
-- :user_id bigint, :code bytea
update second_factor set recovery = array_remove(recovery, %(code)s)
 where user_id = %(user_id)s and confirmed_at is not null and %(code)s = any(recovery)
returning user_id;

-- name: remove_factor
-- The password alone is enough again.
-- :user_id bigint
delete from second_factor where user_id = %(user_id)s returning user_id;

-- name: is_breached
-- Whether a password is on the list of those that everybody knows.
-- :sha1 bytea
select exists (select from breached_password where sha1 = %(sha1)s);

-- name: add_breached
-- Adds to the list; what is on it stays.
-- :sha1s bytea[]
insert into breached_password (sha1) select unnest(%(sha1s)s::bytea[]) on conflict do nothing;
