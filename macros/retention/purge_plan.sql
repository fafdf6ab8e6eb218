{# Policies as rows of the seed, and what the warehouse says about their tables, made into what retention_rows reads.
   tables: {dataset: {relation, policy_name, columns {name: type}, personal [columns]}}.
   Returns {policies, faults}: a policy that cannot be applied is a fault, and with one fault nothing is deleted. #}
{% macro plan_policies(rows, tables) -%}
    {%- set plan = {'policies': {}, 'faults': []} -%}
    {%- for row in rows if row.purge_action not in ('keep', 'rebuild') -%}
        {%- for dataset in (datasets_of(row, tables)) -%}
            {%- set policy = plan_policy(row, dataset, tables.get(dataset), plan.faults) -%}
            {%- if policy -%}{%- do plan.policies.update({dataset: policy}) -%}{%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for policy in plan.policies.values() -%}
        {%- do check_family(policy, plan.policies, tables, plan.faults) -%}
    {%- endfor -%}
    {{ return(plan) }}
{%- endmacro %}

{# A layer stands for the tables whose policy it is; `inherits` says so for each table. #}
{% macro datasets_of(row, tables) -%}
    {%- set found = [row.dataset_name] if row.applies_to == 'table' else [] -%}
    {%- if row.applies_to != 'table' -%}
        {%- for dataset, table in tables.items() if table.policy_name == row.dataset_name -%}
            {%- do found.append(dataset) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{% macro plan_policy(row, dataset, table, faults) -%}
    {%- if not table -%}
        {%- do faults.append(dataset ~ ': unknown dataset, the warehouse has no such table') -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set period = period_of(row.retention_period) -%}
    {%- if not period -%}
        {%- do faults.append(dataset ~ ": bad period '" ~ row.retention_period ~ "', give a number of days, months or years") -%}
        {{ return(none) }}
    {%- endif -%}
    {#- Of the columns that a policy names, the first that is a clock: text may stand beside it. #}
    {%- set clocks, dated = [], [] -%}
    {%- for name in (row.clock_column or '').split('|') if name in table.columns -%}
        {%- do (dated if clock_type(table.columns[name]) else clocks).append(name) -%}
    {%- endfor -%}
    {%- set clock = (dated + clocks) | first if dated or clocks else none -%}
    {%- set type = clock_type(table.columns.get(clock)) if clock else none -%}
    {%- if row.clock_column and not clock -%}
        {%- do faults.append(dataset ~ ': missing clock column ' ~ row.clock_column ~ (', which the policy of ' ~ row.dataset_name
            ~ ' asks for; give the table a policy of its own' if row.applies_to != 'table' else '')) -%}
        {{ return(none) }}
    {%- elif clock and not type -%}
        {%- do faults.append(dataset ~ ': clock column ' ~ clock ~ ' is a ' ~ table.columns[clock] ~ ', not a date or a timestamp') -%}
        {{ return(none) }}
    {%- elif not clock and period.kind == 'counted' and row.retention_period != '0 days' -%}
        {%- do faults.append(dataset ~ ': missing clock column, a period of ' ~ row.retention_period ~ ' needs one') -%}
        {{ return(none) }}
    {%- endif -%}
    {%- if not modules.re.fullmatch('|any|[0-9]{1,9}', row.rows_ahead or '') -%}
        {%- do faults.append(dataset ~ ": rows_ahead is '" ~ row.rows_ahead ~ "', give a number, any or nothing") -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set policy = {
        'dataset': dataset, 'relation': table.relation, 'clock': clock, 'clock_type': type, 'zone': row.clock_zone or 'UTC',
        'months': period.months, 'days': period.days, 'only_where': row.only_where, 'action': row.purge_action,
        'keys': (row.key_columns or '').split(';') | select | list, 'parent': row.parent_dataset, 'links': [], 'subjects': {},
        'tombstones': row.tombstones or 'none', 'follows': row.follows_dataset, 'everything': row.retention_period == '0 days',
        'personal': table.personal or [], 'columns': table.columns, 'load_column': '_dlt_load_id' if '_dlt_load_id' in table.columns else none,
        'by_landing': clock in ('_landed_at', 'landed_at'), 'erasure_action': row.erasure_action,
        'rows_ahead': row.rows_ahead or '0'} -%}
    {%- for pair in (row.parent_columns or '').split(';') if pair -%}
        {%- do policy.links.append(pair.split('=')) -%}
    {%- endfor -%}
    {%- for pair in (row.subject_keys or '').split(';') if pair -%}
        {%- do policy.subjects.update({pair.split(':')[0]: pair.split(':')[1]}) -%}
    {%- endfor -%}
    {%- set named = policy['keys'] + policy.subjects.values() | list -%}
    {%- for link in policy.links -%}{%- do named.append(link[0]) -%}{%- endfor -%}
    {%- for column in named if column not in table.columns -%}
        {%- do faults.append(dataset ~ ': has no column ' ~ column) -%}
    {%- endfor -%}
    {%- if policy.action == 'anonymise' and not policy.subjects -%}
        {%- do faults.append(dataset ~ ': nothing to anonymise, give subject_keys') -%}
    {%- endif -%}
    {%- for column in policy.subjects.values() if 'anonymise' in (policy.action, policy.erasure_action)
            and table.columns.get(column, 'VARCHAR') != 'VARCHAR' -%}
        {%- do faults.append(dataset ~ ': ' ~ column ~ ' is a ' ~ table.columns[column] ~ ', which holds no pseudonym') -%}
    {%- endfor -%}
    {{ return(policy) }}
{%- endmacro %}

{% macro period_of(text) -%}
    {%- if text in ('with parent', 'with followed') -%}
        {{ return({'kind': text, 'months': 0, 'days': 0}) }}
    {%- endif -%}
    {%- set found = modules.re.fullmatch('([0-9]{1,5}) (day|month|year)s?', text | string) -%}
    {%- if not found -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set number = found.group(1) | int -%}
    {#- Two hundred years: beyond, the warehouse's calendar might end before the period does. #}
    {%- if number > {'day': 73000, 'month': 2400, 'year': 200}[found.group(2)] -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return({
        'kind': 'counted',
        'months': {'day': 0, 'month': number, 'year': 12 * number}[found.group(2)],
        'days': number if found.group(2) == 'day' else 0}) }}
{%- endmacro %}

{% macro clock_type(type) -%}
    {%- set type = type | lower -%}
    {%- set is_zoned = 'with time zone' in type or type in ('timestamp_tz', 'timestamp_ltz') -%}
    {{ return('date' if type == 'date' else 'timestamptz' if is_zoned else 'timestamp' if type.startswith('timestamp') else none) }}
{%- endmacro %}

{# Parents exist, lose rows themselves, and do not go round in a circle. #}
{% macro check_family(policy, policies, tables, faults) -%}
    {%- set seen = [policy.dataset] -%}
    {%- set walk = namespace(at=policy) -%}
    {%- for _ in policies -%}
        {%- if walk.at and walk.at.parent in seen -%}
            {%- if walk.at.parent == policy.dataset -%}
                {%- do faults.append(policy.dataset ~ ': its parents go round in a circle') -%}
            {%- endif -%}
            {%- set walk.at = none -%}
        {%- elif walk.at and walk.at.parent -%}
            {%- do seen.append(walk.at.parent) -%}
            {%- set walk.at = policies.get(walk.at.parent) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in [policy.parent, policy.follows] if name and name not in policies -%}
        {%- do faults.append(policy.dataset ~ ': ' ~ name ~ ' is unknown or never loses rows') -%}
    {%- endfor -%}
    {%- for link in policy.links if policy.parent in tables and link[1] not in tables[policy.parent].columns -%}
        {%- do faults.append(policy.parent ~ ': has no column ' ~ link[1]) -%}
    {%- endfor -%}
{%- endmacro %}

{# Chosen datasets with all their descendants and followers, children before parents, followers after what they follow. #}
{% macro purge_order(chosen, policies) -%}
    {%- set order = [] -%}
    {%- for name in chosen -%}
        {%- do visit_family(name, policies, order) -%}
    {%- endfor -%}
    {{ return(order) }}
{%- endmacro %}

{% macro visit_family(name, policies, order) -%}
    {%- if name not in order -%}
        {%- for child in policies.values() if child.parent == name -%}
            {%- do visit_family(child.dataset, policies, order) -%}
        {%- endfor -%}
        {%- do order.append(name) -%}
        {%- for follower in policies.values() if follower.follows == name -%}
            {%- do visit_family(follower.dataset, policies, order) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# Purges one dataset after the other. A parent whose child could not be purged is left, or the child would lose it. #}
{% macro purge_in_order(order, frame) -%}
    {%- set outcomes = [] -%}
    {%- set failed = [] -%}
    {%- for name in order -%}
        {%- set policy = frame.policies[name] -%}
        {%- set stopped = namespace(by=none) -%}
        {%- for child in frame.policies.values() if child.parent == name and child.dataset in failed -%}
            {%- set stopped.by = child.dataset -%}
        {%- endfor -%}
        {%- if stopped.by -%}
            {%- do outcomes.append({'dataset': name, 'action': policy.action, 'due': 0, 'held': 0, 'done': 0, 'status': 'skipped',
                'why': stopped.by ~ ' was not purged'}) -%}
        {%- else -%}
            {%- do outcomes.append(purge_dataset(policy, frame)) -%}
        {%- endif -%}
        {%- if outcomes[-1].status in ('mismatch', 'skipped') -%}{%- do failed.append(name) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(outcomes) }}
{%- endmacro %}

{# Statements that take away what a tombstone forbids among the rows that have landed since the last time: children first. A
   digest of a business clock forbids a row while it is due; a row that is alive again at its source may come back. #}
{% macro sweep_statements(order, frame) -%}
    {%- set statements = [] -%}
    {%- for name in order -%}
        {%- set policy = frame.policies[name] -%}
        {%- set is_new = ('not exists (select 1 from ' ~ frame.ops ~ '.swept_loads as s where s.dataset_name = '
            ~ sql_text(name) ~ ' and s.load_id = cast(t.' ~ policy.load_column ~ ' as varchar))') if policy.load_column else 'true' -%}
        {%- set forbidden = forbidden_rows(policy, 't', frame) -%}
        {%- if forbidden and policy.action == 'anonymise' -%}
            {%- do statements.append('update ' ~ policy.relation ~ ' as t set ' ~ anonymous_values(policy, frame) ~ ' where ' ~ is_new
                ~ ' and not ' ~ is_anonymous(policy, 't') ~ ' and ' ~ forbidden) -%}
        {%- elif forbidden -%}
            {%- do statements.append('delete from ' ~ policy.relation ~ ' as t where ' ~ is_new ~ ' and ' ~ forbidden) -%}
        {%- endif -%}
        {#- What comes of an erased subject, known before or not, goes as its rows went. #}
        {%- for kind, column in policy.subjects.items() if kind in frame.stones -%}
            {%- set held = is_held(policy, 't', frame) -%}
            {%- set where = ' where ' ~ is_new ~ ' and ' ~ is_tombstoned(policy, 't', frame, kind, [column])
                ~ (' and not ' ~ held if held else '') -%}
            {%- if policy.erasure_action == 'delete' -%}
                {%- do statements.append('delete from ' ~ policy.relation ~ ' as t' ~ where) -%}
            {%- elif policy.erasure_action == 'anonymise' -%}
                {%- do statements.append('update ' ~ policy.relation ~ ' as t set ' ~ anonymous_values(policy, frame, kind) ~ where) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for name in order if frame.policies[name].load_column -%}
        {%- set policy = frame.policies[name] -%}
        {%- do statements.append('insert into ' ~ frame.ops ~ '.swept_loads select distinct ' ~ sql_text(name) ~ ', cast(t.'
            ~ policy.load_column ~ ' as varchar) from ' ~ policy.relation ~ ' as t where not exists (select 1 from ' ~ frame.ops
            ~ '.swept_loads as s where s.dataset_name = ' ~ sql_text(name) ~ ' and s.load_id = cast(t.' ~ policy.load_column
            ~ ' as varchar))') -%}
    {%- endfor -%}
    {{ return(statements) }}
{%- endmacro %}

{# frame.stones: {dataset: {kind: digest or range, as_of, causes}}, what the table of tombstones holds. #}
{% macro forbidden_rows(policy, alias, frame) -%}
    {%- if policy.follows -%}
        {{ return(is_due(policy, alias, frame) if policy.follows in frame.stones else '') }}
    {%- elif policy.dataset not in frame.stones -%}
        {{ return('') }}
    {%- endif -%}
    {%- set stone = frame.stones[policy.dataset] -%}
    {%- set then = dict(frame, as_of=stone.as_of) -%}
    {%- set held = is_held(policy, alias, frame) -%}
    {%- set unheld = ' and not ' ~ held if held else '' -%}
    {%- set digest = is_tombstoned(policy, alias, frame, policy.dataset, policy['keys']) -%}
    {%- set ways = [] -%}
    {%- if stone.erased -%}
        {%- do ways.append(digest | replace('dataset_name =', "cause = 'erasure' and dataset_name =")) -%}
    {%- endif -%}
    {%- if stone.kind == 'range' -%}
        {%- do ways.append(is_due(policy, alias, then)) -%}
    {%- elif policy.by_landing -%}
        {%- do ways.append(digest) -%}
    {%- elif policy.clock -%}
        {%- do ways.append(digest ~ ' and ' ~ is_due(policy, alias, then)) -%}
    {%- else -%}
        {%- set parent = frame.policies[policy.parent] -%}
        {%- set back = forbidden_rows(parent, alias ~ 'p', frame) or 'false' -%}
        {%- do ways.append(digest ~ ' and not exists (select 1 from ' ~ parent.relation ~ ' as ' ~ alias ~ 'p where '
            ~ linked(policy, alias, alias ~ 'p') ~ ' and not (' ~ back ~ '))') -%}
    {%- endif -%}
    {{ return('((' ~ ways | join(') or (') ~ '))' ~ unheld) }}
{%- endmacro %}
