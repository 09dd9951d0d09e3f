-- Why a program's token may ask: words with spaces between. None (tokens from before, and those of people): for its one purpose.
alter table oauth_tokens add column purposes text;
