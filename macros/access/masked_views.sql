{# on-run-start: the schema of the masked views and the key of their pseudonyms, random and made once in each warehouse. It
   stands in a table that is no part of what analysts get. On Snowflake, the masking policies besides. #}
{% macro prepare_masking() -%}
    {%- if not execute or flags.WHICH not in ('build', 'run', 'run-operation') -%}{{ return('') }}{%- endif -%}
    {{ return(adapter.dispatch('masking_ground')() | join(';\n')) }}
{%- endmacro %}

{% macro default__masking_ground() -%}
    {%- set ops = adapter.quote(target.database) ~ '.ops' -%}
    {{ return([
        'create schema if not exists ' ~ adapter.quote(target.database) ~ '.' ~ masked_schema(),
        'create schema if not exists ' ~ ops,
        'create table if not exists ' ~ ops ~ '.mask_keys (mask_key varchar)',
        'insert into ' ~ ops ~ '.mask_keys select sha256(concat(uuid(), uuid(), uuid(), uuid())) where not exists (select 1 from ' ~ ops ~ '.mask_keys)',
    ]) }}
{%- endmacro %}

{# Post-hook of every model. On DuckDB a mart with sensitive columns gets its masked view, in the transaction that built it; on
   Snowflake its columns get their policies. Nothing for any other. #}
{% macro mask_model() -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set masks = masked_columns(model) -%}
    {%- if not masks -%}{{ return('') }}{%- endif -%}
    {{ return(adapter.dispatch('mask_built')(masks) | join(';\n')) }}
{%- endmacro %}

{% macro default__mask_built(masks) -%}
    {%- if model.config.schema != 'marts' -%}{{ return([]) }}{%- endif -%}
    {%- set view = adapter.quote(this.database) ~ '.' ~ masked_schema() ~ '.' ~ adapter.quote(this.identifier) -%}
    {{ return(['create or replace view ' ~ view ~ ' as ' ~ masked_select(model.columns, masks, this)]) }}
{%- endmacro %}

{# Every column of the contract, in its order; what is not sensitive as it is. #}
{% macro masked_select(columns, masks, relation) -%}
    {%- set key = '(select min(mask_key) from ' ~ adapter.quote(target.database) ~ '.ops.mask_keys)' -%}
    {%- set shown = [] -%}
    {%- for name in columns -%}
        {%- set mask = masks.get(name) -%}
        {%- do shown.append(name if not mask else masked_value(mask.mask, name, mask.type, key) ~ ' as ' ~ name) -%}
    {%- endfor -%}
    {{ return('select ' ~ shown | join(', ') ~ ' from ' ~ relation) }}
{%- endmacro %}
