-- Why nothing could be made of an upload, in words for who uploaded it: films are looked at after the upload was answered.
alter table media add column problem text;
