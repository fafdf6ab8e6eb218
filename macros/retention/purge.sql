{# dbt run-operation purge --args '{as_of: 2026-01-01, datasets: [raw_atom.orders]}' prints what is due; with
   {dry_run: false, confirm: true} it goes. docs/retention.md says the rest.
   Exit code 1 and a line for each dataset that could not be purged; the others are. #}
{% macro purge(dry_run=true, as_of=none, datasets=none, confirm=false) -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- do allow_deletion(dry_run, confirm) -%}
    {%- set frame = read_retention(as_of, 'retention') -%}
    {%- set chosen = [datasets] if datasets is string else (datasets or frame.policies | list) -%}
    {%- set faults = frame.faults -%}
    {%- for name in chosen if name not in frame.policies -%}
        {%- do faults.append(name ~ ': unknown dataset, or one that never loses rows') -%}
    {%- endfor -%}
    {%- if not faults -%}
        {%- set order = purge_order(chosen, frame.policies) -%}
        {%- do check_rows(order, frame, faults) -%}
    {%- endif -%}
    {%- if faults -%}
        {{ exceptions.raise_compiler_error('nothing was deleted, as the policies cannot be applied:\n  ' ~ faults | join('\n  ')) }}
    {%- endif -%}
    {%- if dry_run -%}
        {%- do print_purge(order, frame) -%}
    {%- else -%}
        {%- for statement in ops_tables(frame.ops) -%}{%- do run_query(statement) -%}{%- endfor -%}
        {%- set days = time_travel_days() -%}
        {%- do prepare_archive(order, frame) -%}
        {%- set outcomes = purge_in_order(order, frame) -%}
        {%- set failed = print_outcomes(outcomes) -%}
        {%- do set_time_travel(outcomes, frame, days) -%}
        {%- if failed -%}
            {{ exceptions.raise_compiler_error('not purged: ' ~ failed | join('; ')) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Deleting takes two flags, so that no slip of one word does it, and a tombstone key, so that nothing comes back. #}
{% macro allow_deletion(dry_run, confirm) -%}
    {%- do require_purge_role() -%}
    {%- if target.type not in ('duckdb', 'snowflake') -%}
        {{ exceptions.raise_compiler_error('purge and erase_subject work on DuckDB and on Snowflake, not on ' ~ target.type) }}
    {%- elif not dry_run and not confirm -%}
        {{ exceptions.raise_compiler_error('a real run deletes rows for ever: say so with confirm: true') }}
    {%- elif not dry_run -%}
        {%- do require_tombstone_key() -%}
    {%- endif -%}
{%- endmacro %}

{% macro require_tombstone_key() -%}
    {%- if env_var('STRATA_TOMBSTONE_KEY', '') | length < 16 -%}
        {{ exceptions.raise_compiler_error('set STRATA_TOMBSTONE_KEY to a secret of 16 characters or more, always the same '
            ~ 'one: without it, purged rows could not be kept from coming back') }}
    {%- endif -%}
{%- endmacro %}

{# The frame that the other macros work on: policies of the seed with their tables, holds in force on the day, the day. #}
{% macro read_retention(as_of, cause) -%}
    {%- set now = run_started_at.astimezone(modules.pytz.utc).strftime('%Y-%m-%d %H:%M:%S') -%}
    {%- set day = as_of | string if as_of else now -%}
    {%- set day = day ~ ' 00:00:00' if day | length == 10 else day -%}
    {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}', day) or day > now -%}
        {{ exceptions.raise_compiler_error("as_of is '" ~ day ~ "'; give a day (YYYY-MM-DD) or a moment in UTC that is not in the future") }}
    {%- endif -%}
    {%- set plan = plan_policies(rows_of('select * from ' ~ retention_seed('retention_policies')), read_tables()) -%}
    {%- set holds = [] -%}
    {%- for hold in rows_of('select * from ' ~ retention_seed('legal_holds') ~ " where held_from_date <= date '" ~ day[:10]
            ~ "' and coalesce(held_to_date > date '" ~ day[:10] ~ "', true)") -%}
        {%- do holds.append({'dataset': hold.dataset_name, 'kind': hold.subject_kind, 'id': hold.subject_id, 'predicate': hold.predicate}) -%}
        {%- if hold.dataset_name != '*' and hold.dataset_name not in plan.policies -%}
            {%- do plan.faults.append('hold ' ~ hold.hold_id ~ ': ' ~ hold.dataset_name ~ ' is unknown or never loses rows') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set database = var('raw_database', '') or target.database -%}
    {{ return({
        'as_of': day, 'now': now, 'policies': plan.policies, 'faults': plan.faults, 'holds': holds, 'cause': cause,
        'ops': database_name(database) ~ '.ops', 'tombstone_key': env_var('STRATA_TOMBSTONE_KEY', ''),
        'run_id': invocation_id, 'who': env_var('STRATA_ACTOR', env_var('USER', 'unknown')),
        'archive_root': archive_root()}) }}
{%- endmacro %}

{# By the graph and not by ref(): the hook before a run must not depend on a seed that the run itself may build. #}
{% macro retention_seed(name) -%}
    {%- set node = graph.nodes['seed.' ~ project_name ~ '.' ~ name] -%}
    {%- if not has_table(node.database, node.schema, node.alias) -%}
        {{ exceptions.raise_compiler_error('the warehouse has no ' ~ name ~ ' yet: dbt seed --select retention_policies legal_holds') }}
    {%- endif -%}
    {{ return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) }}
{%- endmacro %}

{# Names of columns in lower case, as policies write them. #}
{% macro rows_of(sql) -%}
    {%- set found = run_query(sql) -%}
    {%- set rows = [] -%}
    {%- set names = found.column_names | map('lower') | list -%}
    {%- for values in found.rows -%}
        {%- do rows.append(dict(zip(names, values))) -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}

{# Each relation of the warehouse with its columns and those of them that the metadata calls personal. #}
{% macro read_tables() -%}
    {%- set tables = {} -%}
    {%- set by_place = {} -%}
    {%- set personal = personal_columns_by_dataset() -%}
    {%- for row in rows_of(retention_relations(retention_seed('retention_policies'))) if row.policy_name and row.relation_type != 'view' -%}
        {%- set table = {
            'relation': adapter.quote(row.database_name) ~ '.' ~ adapter.quote(row.relation_schema) ~ '.' ~ adapter.quote(row.relation_name),
            'policy_name': row.policy_name, 'columns': {}, 'personal': personal.get(row.dataset_name, [])} -%}
        {%- do tables.update({row.dataset_name: table}) -%}
        {%- do by_place.update({row.database_name ~ '.' ~ row.relation_schema ~ '.' ~ row.relation_name: table}) -%}
    {%- endfor -%}
    {%- for row in rows_of('select table_catalog, table_schema, table_name, column_name, data_type from '
            ~ information_schema_of('columns', retention_databases())) -%}
        {%- set place = row.table_catalog ~ '.' ~ row.table_schema ~ '.' ~ row.table_name -%}
        {%- if place in by_place -%}
            {%- do by_place[place].columns.update(listed_column(row.column_name, row.data_type)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}

{# {dataset: columns} that sources and snapshots call personal. #}
{% macro personal_columns_by_dataset() -%}
    {%- set found = {} -%}
    {%- for node in (graph.sources.values() | list) + (graph.nodes.values() | list) if node.resource_type in ('source', 'snapshot') -%}
        {%- set columns = [] -%}
        {%- for column in node.columns.values() if (column.config.meta or column.meta or {}).get('sensitivity') == 'personal' -%}
            {%- do columns.append(column.name) -%}
        {%- endfor -%}
        {%- set layer = node.schema if node.resource_type == 'source' else node.config.schema -%}
        {%- do found.update({(layer ~ '.' ~ (node.identifier or node.alias)) | lower: columns}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# What only the rows can tell: a clock that lies in the future is no clock of something that has happened. A policy says how
   many such rows it takes for slips of the source, which its quarantine names; they stay. And a hold whose condition cannot be
   read would stop a purge half-way. #}
{% macro check_rows(order, frame, faults) -%}
    {%- for name in order if frame.policies[name].clock and frame.policies[name].rows_ahead != 'any' -%}
        {%- set policy = frame.policies[name] -%}
        {%- set found = run_query('select count(*) from ' ~ policy.relation ~ ' as t where ' ~ is_ahead(policy, frame.now)).rows[0][0] | int -%}
        {%- if found > policy.rows_ahead | int -%}
            {%- do faults.append(name ~ ': clock ' ~ policy.clock ~ ' lies in the future in ' ~ found ~ ' rows, '
                ~ policy.rows_ahead ~ ' may (rows_ahead)') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for hold in frame.holds if hold.predicate and hold.dataset in frame.policies -%}
        {%- do run_query(try_condition(frame.policies[hold.dataset].relation, hold.predicate)) -%}
    {%- endfor -%}
{%- endmacro %}

{% macro print_purge(order, frame) -%}
    {%- set shape = '%-44s %9s %10s %7s  %-10s %-10s %-14s %s' -%}
    {#- What else falls due in the next 90 days, with the holds and children of today. #}
    {%- set day = modules.datetime.datetime.strptime(frame.as_of, '%Y-%m-%d %H:%M:%S') + modules.datetime.timedelta(days=90) -%}
    {%- set later = dict(frame, as_of=day.strftime('%Y-%m-%d %H:%M:%S')) -%}
    {%- do print(shape | format('dataset', 'rows due', 'in 90 days', 'held', 'oldest', 'newest', 'action', 'what depends on it')) -%}
    {%- for name in order -%}
        {%- set policy = frame.policies[name] -%}
        {%- set clock = 't.' ~ policy.clock if policy.clock else 'cast(null as timestamp)' -%}
        {%- if policy.follows -%}
            {%- do print(shape | format(name, 'follows', '', '', '', '', policy.action, policy.follows)) -%}
        {%- else -%}
            {%- set row = run_query('select count(*), cast(cast(min(' ~ clock ~ ') as date) as varchar), cast(cast(max(' ~ clock
                ~ ') as date) as varchar) from ' ~ policy.relation ~ ' as t where ' ~ is_due(policy, 't', frame)).rows[0] -%}
            {%- set then = run_query('select count(*) from ' ~ policy.relation ~ ' as t where ' ~ is_due(policy, 't', later)).rows[0][0] -%}
            {%- do print(shape | format(name, row[0], (then | int) - (row[0] | int), count_held(policy, frame), row[1] or '', row[2] or '', policy.action,
                dependents_of(name))) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do print('dry run as of ' ~ frame.as_of ~ ' UTC: nothing was deleted') -%}
{%- endmacro %}

{# Models that would change, from dbt's lineage: their number and the first of the marts among them. #}
{% macro dependents_of(dataset) -%}
    {%- set reached = [] -%}
    {%- for node in graph.sources.values() if (node.schema ~ '.' ~ node.identifier) | lower == dataset -%}
        {%- do reached.append(node.unique_id) -%}
    {%- endfor -%}
    {%- set children = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'snapshot') -%}
        {%- for parent in node.depends_on.nodes -%}
            {%- do children.setdefault(parent, []).append(node) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set marts = [] -%}
    {%- set models = [] -%}
    {#- `reached` grows while it is read: breadth first. #}
    {%- for unique_id in reached -%}
        {%- for node in children.get(unique_id, []) if node.unique_id not in reached -%}
            {%- do reached.append(node.unique_id) -%}
            {%- do models.append(node.name) -%}
            {%- if node.config.schema == 'marts' -%}{%- do marts.append(node.name) -%}{%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return((models | length) ~ ' models' ~ ((', as ' ~ marts[:3] | join(', ')) if marts else '')) }}
{%- endmacro %}

{% macro print_outcomes(outcomes) -%}
    {%- set failed = [] -%}
    {%- for outcome in outcomes -%}
        {%- if outcome.status != 'nothing due' -%}
            {%- do print('%-44s %-9s %9s rows, %s held%s' | format(outcome.dataset, outcome.status, outcome.done, outcome.held,
                ', in ' ~ outcome.archive.path if outcome.archive else '')) -%}
        {%- endif -%}
        {%- if outcome.why -%}{%- do failed.append(outcome.dataset ~ ': ' ~ outcome.why) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(failed) }}
{%- endmacro %}

{# On-run-start hook, and after a load: what a tombstone forbids goes again before any model reads it. #}
{% macro sweep_tombstones() -%}
    {%- if not execute or flags.WHICH not in ('build', 'run', 'snapshot', 'run-operation')
            or target.type not in ('duckdb', 'snowflake') -%}
        {{ return('') }}
    {%- endif -%}
    {%- set database = var('raw_database', '') or target.database -%}
    {%- if not has_table(database, 'ops', 'tombstones') -%}{{ return('') }}{%- endif -%}
    {%- set found = {} -%}
    {%- for row in rows_of('select dataset_name, max(case when key_digest is null then 1 else 0 end) as ranges, ' ~ moment_text('max(as_of)') ~ ' as as_of, '
            ~ "max(case when cause = 'erasure' then 1 else 0 end) as erased from " ~ database_name(database) ~ '.ops.tombstones group by dataset_name') -%}
        {%- do found.update({row.dataset_name: {
            'kind': 'range' if row.ranges | int == 1 else 'digest', 'as_of': row.as_of | string, 'erased': row.erased | int == 1}}) -%}
    {%- endfor -%}
    {%- if not found -%}{{ return('') }}{%- endif -%}
    {%- do require_tombstone_key() -%}
    {%- set frame = read_retention(none, 'retention') -%}
    {%- do frame.update({'stones': found}) -%}
    {%- for statement in sweep_statements(purge_order(frame.policies | list, frame.policies), frame) -%}
        {%- do run_query(statement) -%}
    {%- endfor -%}
    {{ return('') }}
{%- endmacro %}
