/** A way in which a customer may have built a table. */
export interface Shape {
  readonly layout: 'plain' | 'partitioned'
  readonly key: 'primary key' | 'deferrable key' | 'no key'
  readonly identity: 'default' | 'nothing' | 'full' | 'index'
  readonly generated: 'nothing' | 'stored' | 'virtual'
}

const choices = {
  layout: ['plain', 'partitioned'],
  key: ['primary key', 'deferrable key', 'no key'],
  identity: ['default', 'nothing', 'full', 'index'],
  generated: ['nothing', 'stored', 'virtual'],
} as const

/** All of them. */
export const shapes: readonly Shape[] = choices.layout.flatMap((layout) =>
  choices.key.flatMap((key) =>
    choices.identity.flatMap((identity) =>
      choices.generated.map((generated) => ({ layout, key, identity, generated })),
    ),
  ),
)

export const nameOf = (shape: Shape): string => Object.values(shape).join(', ')

/** Statements that make a table of the shape; each leaf of a partitioned one has the replica identity too. */
export function ddl(table: string, { layout, key, identity, generated }: Shape): string[] {
  const columns = ['id int not null', 'code int not null', 'note text']
  if (generated !== 'nothing') columns.push(`twice int generated always as (code * 2) ${generated}`)
  if (key !== 'no key') columns.push(`primary key (id) ${key === 'deferrable key' ? 'deferrable' : ''}`)
  const leaves = layout === 'partitioned' ? [`${table}_low`, `${table}_high`] : []
  const create =
    layout === 'plain'
      ? [`create table ${table} (${columns.join(', ')})`]
      : [
          `create table ${table} (${columns.join(', ')}) partition by range (id)`,
          `create table ${table}_low partition of ${table} for values from (0) to (100)`,
          `create table ${table}_high partition of ${table} for values from (100) to (200)`,
        ]
  const identified = layout === 'plain' ? [table] : leaves
  return [
    ...create,
    ...identified.map((relation) => `create unique index ${relation}_code on ${relation} (code, id)`),
    ...identified.map((relation) => `alter table ${relation} replica identity ${identityClause(identity, relation)}`),
  ]
}

const identityClause = (identity: Shape['identity'], relation: string): string =>
  identity === 'index' ? `using index ${relation}_code` : identity

/** Every kind of write, on rows that each run makes for itself; all of them work on a table that nobody publishes. */
export const writes = (table: string, { key, layout }: Shape): string[] => [
  `insert into ${table} (id, code, note) values (1, 1, 'a'), (2, 2, 'b'), (110, 110, 'c')`,
  `update ${table} set note = 'x' where id = 1`,
  `update ${table} set code = code + 1 where id = 2`,
  `update ${table} set id = 150 where id = 2`,
  `merge into ${table} as t using (values (1), (7)) as s (id) on t.id = s.id
     when matched then update set note = 'merged' when not matched then insert (id, code) values (s.id, s.id)`,
  ...(key === 'primary key' && layout === 'plain'
    ? [`insert into ${table} (id, code) values (1, 1) on conflict (id) do update set note = 'again'`]
    : []),
  `delete from ${table} where id = 110`,
  `delete from ${table}`,
  `truncate ${table}`,
]
