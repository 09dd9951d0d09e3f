drop table notifications;
drop table break_glass_grants;
