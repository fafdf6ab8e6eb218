{# Which rows are due. These macros only write SQL from what read_policies has read, so that a test can hold thousands of
   random policies against a naive reckoning without dbt.

   policy: dataset, relation, clock, clock_type (date, timestamp, timestamptz), zone, months, days, only_where, action, keys,
   parent, links [[own column, parent's]], subjects {kind: column}, tombstones, follows, columns.
   frame: as_of (UTC), policies (dataset: policy), holds, tombstone_key. #}

{# The row's own period is over: clock + period <= as_of, both on the clocks of the policy's zone; months are those of the
   calendar, so that 29 February is due on 28 February. A row without a clock is never due. Before the calendar come two bare
   comparisons, five days off, that let the warehouse skip whole blocks of young rows and reckon with few of the old. #}
{% macro period_is_over(policy, alias, frame) -%}
    {%- set clock = alias ~ '.' ~ policy.clock -%}
    {%- set where = (' and coalesce((' ~ policy.only_where ~ '), false)') if policy.only_where else '' -%}
    {{ return('(' ~ clock ~ ' is not null and ' ~ clock ~ ' <= ' ~ period_before(policy, frame.as_of, 5) ~ ' and (' ~ clock ~ ' <= '
        ~ period_before(policy, frame.as_of, -5) ~ ' or ' ~ is_past_by_calendar(clock, policy, frame.as_of) ~ ')' ~ where ~ ')') }}
{%- endmacro %}

{% macro linked(child, child_alias, parent_alias) -%}
    {%- set pairs = [] -%}
    {%- for own, of_parent in child.links -%}
        {%- do pairs.append(child_alias ~ '.' ~ own ~ ' = ' ~ parent_alias ~ '.' ~ of_parent) -%}
    {%- endfor -%}
    {{ return(pairs | join(' and ')) }}
{%- endmacro %}

{# The row is about the subject: by its own column, or by its parent's. Empty where nothing says whom a row is about. #}
{% macro is_about(policy, alias, kind, id, frame) -%}
    {%- set ways = [] -%}
    {%- if kind in policy.subjects -%}
        {%- do ways.append('coalesce(cast(' ~ alias ~ '.' ~ policy.subjects[kind] ~ ' as varchar) = ' ~ sql_text(id) ~ ', false)') -%}
    {%- endif -%}
    {%- if policy.parent and policy.parent in frame.policies -%}
        {%- set parent = frame.policies[policy.parent] -%}
        {%- set above = is_about(parent, alias ~ 's', kind, id, frame) -%}
        {%- if above -%}
            {%- do ways.append('exists (select 1 from ' ~ parent.relation ~ ' as ' ~ alias ~ 's where '
                ~ linked(policy, alias, alias ~ 's') ~ ' and ' ~ above ~ ')') -%}
        {%- endif -%}
    {%- endif -%}
    {{ return('(' ~ ways | join(' or ') ~ ')' if ways else '') }}
{%- endmacro %}

{# A hold in force names the row. #}
{% macro is_held(policy, alias, frame) -%}
    {%- set ways = [] -%}
    {%- for hold in frame.holds if hold.dataset in ('*', policy.dataset) -%}
        {%- if hold.predicate -%}
            {%- set same = [] -%}
            {%- for key in policy['keys'] -%}
                {%- do same.append(alias ~ 'h.' ~ key ~ ' = ' ~ alias ~ '.' ~ key) -%}
            {%- endfor -%}
            {%- do ways.append('exists (select 1 from ' ~ policy.relation ~ ' as ' ~ alias ~ 'h where ' ~ same | join(' and ')
                ~ ' and coalesce((' ~ hold.predicate ~ '), false))') -%}
        {%- else -%}
            {%- set about = is_about(policy, alias, hold.kind, hold.id, frame) -%}
            {%- if about -%}{%- do ways.append(about) -%}{%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return('(' ~ ways | join(' or ') ~ ')' if ways else '') }}
{%- endmacro %}

{# Nothing keeps the row: no hold on it, and no child that has to stay. A child without a clock of its own goes with its
   parent; one with a clock has to be due itself. A child that is kept or anonymised keeps its parent. #}
{% macro may_go(policy, alias, frame) -%}
    {%- set conditions = [] -%}
    {%- set held = is_held(policy, alias, frame) -%}
    {%- if held -%}{%- do conditions.append('not ' ~ held) -%}{%- endif -%}
    {%- for child in frame.policies.values() if child.parent == policy.dataset -%}
        {%- set other = alias ~ 'c' ~ loop.index -%}
        {%- if child.action not in ('delete', 'archive_delete') -%}
            {%- set goes = 'false' -%}
        {%- elif child.clock -%}
            {%- set goes = '(' ~ period_is_over(child, other, frame) ~ ' and ' ~ may_go(child, other, frame) ~ ')' -%}
        {%- else -%}
            {%- set goes = '(' ~ may_go(child, other, frame) ~ ')' -%}
        {%- endif -%}
        {%- if goes != '(true)' -%}
            {%- do conditions.append('not exists (select 1 from ' ~ child.relation ~ ' as ' ~ other ~ ' where '
                ~ linked(child, other, alias) ~ ' and not ' ~ goes ~ ')') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(conditions | join(' and ') or 'true') }}
{%- endmacro %}

{# The row has to go today. `held` gives the rows whose period is over but that something keeps. #}
{% macro is_due(policy, alias, frame, held=false) -%}
    {%- if policy.follows -%}
        {{ return(is_tombstoned(policy, alias, frame, policy.follows, policy['keys'])
            ~ ' and not ' ~ key_is_in_followed(policy, alias, frame)) }}
    {%- elif policy.everything -%}
        {{ return('true') }}
    {%- endif -%}
    {%- if policy.clock -%}
        {%- set over = period_is_over(policy, alias, frame) -%}
        {%- if policy.action == 'anonymise' -%}
            {%- set over = over ~ ' and not ' ~ is_anonymous(policy, alias) -%}
        {%- endif -%}
    {%- else -%}
        {%- set parent = frame.policies[policy.parent] -%}
        {%- set over = 'exists (select 1 from ' ~ parent.relation ~ ' as ' ~ alias ~ 'p where ' ~ linked(policy, alias, alias ~ 'p')
            ~ ' and ' ~ (period_of_root(parent, alias ~ 'p', frame) if held else is_due(parent, alias ~ 'p', frame)) ~ ')' -%}
    {%- endif -%}
    {%- if held -%}
        {{ return(over ~ ' and not (' ~ is_due(policy, alias, frame) ~ ')') }}
    {%- endif -%}
    {{ return(over ~ ' and ' ~ may_go(policy, alias, frame)) }}
{%- endmacro %}

{# Whether the period of the row's root, the nearest ancestor with a clock, is over. #}
{% macro period_of_root(policy, alias, frame) -%}
    {%- if policy.clock -%}
        {{ return(period_is_over(policy, alias, frame)) }}
    {%- endif -%}
    {%- set parent = frame.policies[policy.parent] -%}
    {{ return('exists (select 1 from ' ~ parent.relation ~ ' as ' ~ alias ~ 'r where ' ~ linked(policy, alias, alias ~ 'r')
        ~ ' and ' ~ period_of_root(parent, alias ~ 'r', frame) ~ ')') }}
{%- endmacro %}

{% macro is_anonymous(policy, alias) -%}
    {%- set ways = [] -%}
    {%- for column in policy.subjects.values() -%}
        {%- do ways.append('(' ~ alias ~ '.' ~ column ~ ' is null or cast(' ~ alias ~ '.' ~ column ~ " as varchar) like 'anon-%')") -%}
    {%- endfor -%}
    {{ return('(' ~ ways | join(' and ') ~ ')') }}
{%- endmacro %}

{# SHA-256 over the secret, the dataset and the row's natural key: without the secret nobody can try out which member it
   stands for. Tombstones keep 128 of its bits. types: {column: type}, where they are known. #}
{% macro keyed_hash(dataset, columns, alias, frame, types=none) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append('coalesce(' ~ text_of(alias ~ '.' ~ column, (types or {}).get(column)) ~ ", '')") -%}
    {%- endfor -%}
    {{ return(sha256_of(sql_text(frame.tombstone_key ~ '|' ~ dataset ~ '|') ~ ' || ' ~ parts | join(" || '|' || "))) }}
{%- endmacro %}

{% macro key_digest(dataset, columns, alias, frame, types=none) -%}
    {{ return(half_of_digest(keyed_hash(dataset, columns, alias, frame, types))) }}
{%- endmacro %}

{% macro is_tombstoned(policy, alias, frame, dataset, columns) -%}
    {{ return(key_digest(dataset, columns, alias, frame, policy.columns) ~ ' in (select key_digest from ' ~ frame.ops
        ~ '.tombstones where dataset_name = ' ~ sql_text(dataset) ~ ')') }}
{%- endmacro %}

{% macro key_is_in_followed(policy, alias, frame) -%}
    {%- set followed = frame.policies[policy.follows] -%}
    {%- set same = [] -%}
    {%- for column in followed['keys'] -%}
        {%- set own = policy['keys'][loop.index0] -%}
        {%- do same.append(text_of(alias ~ 'f.' ~ column, followed.columns.get(column)) ~ ' = '
            ~ text_of(alias ~ '.' ~ own, policy.columns.get(own))) -%}
    {%- endfor -%}
    {{ return('exists (select 1 from ' ~ followed.relation ~ ' as ' ~ alias ~ 'f where ' ~ same | join(' and ') ~ ')') }}
{%- endmacro %}
