create schema shop;
create table shop.customers (id int primary key, name text not null);
create table shop.sales (
  id bigint primary key,
  customer_id int not null,
  status varchar(20) not null,
  total numeric not null
);
create table shop.visits (customer_id int not null, at timestamptz not null default now());

-- The rules need the old customer and the old status of a sale: the listener refuses the catalog with these two lines.
create unique index sales_identity on shop.sales (id, customer_id, status);
alter table shop.sales replica identity using index sales_identity;

insert into shop.customers values (1, 'Ada'), (2, 'Emmy');
insert into shop.sales values (7, 1, 'new', 10), (8, 1, 'paid', 20), (9, 2, 'new', 30);
