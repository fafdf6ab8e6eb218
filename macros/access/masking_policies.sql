{# Snowflake: a masking policy for each class of sensitivity and kind of column. Whoever has the class's role (var unmasked_roles)
   sees the value, everybody else the mask. A policy that is in use cannot be replaced, hence create, then set body. #}
{% macro snowflake__masking_ground() -%}
    {%- if not has_masking() -%}{{ return([]) }}{%- endif -%}
    {%- set statements = ['create schema if not exists ' ~ policy_place(), 'create schema if not exists ' ~ target.database ~ '.ops'] -%}
    {%- set keys = target.database ~ '.ops.mask_keys' -%}
    {%- do statements.append('create table if not exists ' ~ keys ~ ' (mask_key varchar)') -%}
    {%- do statements.append('insert into ' ~ keys ~ ' select sha2(uuid_string() || uuid_string(), 256) where not exists (select 1 from ' ~ keys ~ ')') -%}
    {#- Snowflake asks a memoizable function once in a query, whatever the number of rows. #}
    {%- do statements.append('create or replace function ' ~ policy_place() ~ ".mask_key() returns varchar memoizable as 'select min(mask_key) from "
        ~ keys ~ "'") -%}
    {%- for name, mask in needed_policies().items() -%}
        {%- do statements.append('create masking policy if not exists ' ~ policy_place() ~ '.' ~ name ~ ' as (val ' ~ mask.type ~ ') returns '
            ~ mask.type ~ ' -> ' ~ policy_body(mask)) -%}
        {%- do statements.append('alter masking policy ' ~ policy_place() ~ '.' ~ name ~ ' set body -> ' ~ policy_body(mask)) -%}
    {%- endfor -%}
    {{ return(statements) }}
{%- endmacro %}

{# The emulator knows no masking policies, an account below Enterprise has none: var masking_policies says so. #}
{% macro has_masking() -%}
    {{ return(var('masking_policies') and target.name != 'snowflake_emulator') }}
{%- endmacro %}

{% macro policy_place() -%}
    {{ return(target.database ~ '.' ~ masked_schema()) }}
{%- endmacro %}

{% macro policy_body(mask) -%}
    {%- set role = var('unmasked_roles')[mask.class] -%}
    {{ return("case when is_role_in_session('" ~ role | upper ~ "') then val else "
        ~ masked_value(mask.mask, 'val', mask.type, policy_place() ~ '.mask_key()') ~ ' end') }}
{%- endmacro %}

{# Type and policy of a column, as a policy fits columns of its own type only. #}
{% macro policy_of(mask) -%}
    {%- set type = {'key': 'varchar', 'text': 'varchar', 'date': 'date', 'timestamp': 'timestamp_ntz', 'timestamptz': 'timestamp_tz',
        'integer': 'number(38, 0)', 'boolean': 'boolean'}.get(mask.kind, mask.type) -%}
    {%- set suffix = '_' ~ modules.re.sub('[^a-z0-9]+', '_', mask.type).strip('_') if mask.kind == 'number' else '' -%}
    {{ return({'name': 'mask_' ~ mask.class ~ '_' ~ mask.kind ~ '_' ~ mask.mask ~ suffix, 'type': type, 'class': mask.class, 'mask': mask.mask}) }}
{%- endmacro %}

{# Policies that some table of the project needs, by name. #}
{% macro needed_policies() -%}
    {%- set found = {} -%}
    {%- for node in (graph.nodes.values() | list) + (graph.sources.values() | list) -%}
        {%- if node.resource_type in ('model', 'snapshot', 'source') -%}
            {%- for mask in masked_columns(node).values() if mask.mask != 'shown' -%}
                {%- set policy = policy_of(mask) -%}
                {%- do found.update({policy.name: policy}) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# Tables only: a view shows what its tables' policies let through, and a second mask on top would part the pseudonyms. #}
{% macro snowflake__mask_built(masks) -%}
    {%- if not has_masking() or model.config.materialized not in ('table', 'incremental') -%}{{ return([]) }}{%- endif -%}
    {{ return(policy_attachments(this, masks)) }}
{%- endmacro %}

{% macro policy_attachments(relation, masks) -%}
    {%- set statements = [] -%}
    {%- for name, mask in masks.items() if mask.mask != 'shown' -%}
        {%- do statements.append('alter table ' ~ relation ~ ' modify column ' ~ name ~ ' set masking policy ' ~ policy_place() ~ '.'
            ~ policy_of(mask).name ~ ' force') -%}
    {%- endfor -%}
    {{ return(statements) }}
{%- endmacro %}

{# dbt run-operation apply_masking: policies on every table that has sensitive columns and exists, landed tables and snapshots too,
   which dbt does not build anew. Once after the first load, and after a new sensitive column. #}
{% macro apply_masking() -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- if target.type != 'snowflake' -%}
        {{ exceptions.raise_compiler_error('masking policies are of Snowflake; here the schema ' ~ masked_schema() ~ ' has the masked views') }}
    {%- endif -%}
    {%- for statement in prepare_masking().split(';\n') if statement -%}{%- do run_query(statement) -%}{%- endfor -%}
    {%- set done = [] -%}
    {%- for node in (graph.nodes.values() | list) + (graph.sources.values() | list) -%}
        {%- set relation = none -%}
        {%- if node.resource_type in ('model', 'snapshot', 'source') and masked_columns(node) -%}
            {%- set relation = adapter.get_relation(node.database, node.schema, node.identifier or node.alias) -%}
        {%- endif -%}
        {%- if relation and relation.is_table and has_masking() -%}
            {%- for statement in policy_attachments(relation, masked_columns(node)) -%}{%- do run_query(statement) -%}{%- endfor -%}
            {%- do done.append(node.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do print(done | length ~ ' tables have their masking policies') -%}
{%- endmacro %}
