drop table idempotency;
drop table audit;
drop table login_try;
drop table api_key;
drop table session;
drop table user_account;
