{# How a sensitive column is shown to analysts: meta.mask of the column, else what var mask_rules says of its sensitivity and
   kind. Empty for a column that is not sensitive; a sensitive one without a rule is an error, so that none is shown by mistake. #}
{% macro mask_of(column, owner) -%}
    {%- set meta = (column.get('config') or {}).get('meta') or column.get('meta') or {} -%}
    {%- set class = meta.get('sensitivity') -%}
    {%- if not class or class == 'public' or class == 'internal' -%}{{ return(none) }}{%- endif -%}
    {%- set type = (column.data_type or type_by_name(column.name)) | lower -%}
    {%- set kind = mask_kind(column.name, type) -%}
    {%- set mask = meta.get('mask') or (var('mask_rules').get(class) or {}).get(kind) -%}
    {%- if mask not in ('pseudonym', 'fixed', 'year', 'whole_years', 'empty', 'shown') -%}
        {{ exceptions.raise_compiler_error(owner ~ '.' ~ column.name ~ ' is ' ~ class ~ ' and no rule says how a ' ~ (kind or type)
            ~ " is masked: give it config: {meta: {mask: ...}} or add the kind to var mask_rules (docs/access.md)") }}
    {%- endif -%}
    {{ return({'class': class, 'kind': kind, 'mask': mask, 'type': type}) }}
{%- endmacro %}

{# Only marts and landed tables declare their types; elsewhere the house's names say them (docs/index.md). #}
{% macro type_by_name(name) -%}
    {{ return('timestamp' if name.endswith('_at') else 'date' if name.endswith('_date') else 'boolean' if name.startswith(('is_', 'has_'))
        else 'decimal(18,4)' if name.endswith(('_amount', '_amount_gbp')) else 'varchar') }}
{%- endmacro %}

{# key, text, date, timestamp, timestamptz, integer, number or boolean; a text is a key by its name, as DESIGN has it. #}
{% macro mask_kind(name, data_type) -%}
    {%- set type = data_type | lower -%}
    {%- if type.startswith(('varchar', 'text', 'string', 'char')) -%}
        {{ return('key' if name.endswith(('_id', '_key')) else 'text') }}
    {%- elif type in ('timestamptz', 'timestamp with time zone', 'timestamp_tz') -%}
        {{ return('timestamptz') }}
    {%- elif type.startswith(('decimal', 'numeric', 'double', 'float')) -%}
        {{ return('number') }}
    {%- endif -%}
    {{ return({'date': 'date', 'timestamp': 'timestamp', 'timestamp_ntz': 'timestamp', 'integer': 'integer', 'bigint': 'integer', 'int': 'integer',
        'boolean': 'boolean'}.get(type, '')) }}
{%- endmacro %}

{# SQL of a masked value. A pseudonym is a keyed digest: the same for one id in all columns of all tables, so that they still join. #}
{% macro masked_value(mask, value, type, key) -%}
    {%- if mask == 'pseudonym' -%}
        {{ return("'p-' || left(" ~ adapter.dispatch('sha256_text')(key ~ " || '|' || " ~ value) ~ ', 24)') }}
    {%- elif mask == 'fixed' -%}
        {{ return('case when ' ~ value ~ " is not null then 'masked' end") }}
    {%- elif mask == 'year' -%}
        {{ return('cast(' ~ dbt.date_trunc('year', value) ~ ' as ' ~ type ~ ')') }}
    {%- elif mask == 'whole_years' -%}
        {{ return('cast(floor(' ~ value ~ ' / 365) * 365 as ' ~ type ~ ')') }}
    {%- elif mask == 'empty' -%}
        {{ return('cast(null as ' ~ type ~ ')') }}
    {%- endif -%}
    {{ return(value) }}
{%- endmacro %}

{% macro default__sha256_text(value) -%}
    {{ return('sha256(' ~ value ~ ')') }}
{%- endmacro %}

{% macro snowflake__sha256_text(value) -%}
    {{ return('sha2(' ~ value ~ ', 256)') }}
{%- endmacro %}

{# Sensitive columns of a node: {name: what mask_of says}; `shown` ones too, which stay as they are. #}
{% macro masked_columns(node) -%}
    {%- set found = {} -%}
    {%- for column in node.columns.values() -%}
        {%- set mask = mask_of(column, node.name) -%}
        {%- if mask -%}{%- do found.update({column.name: mask}) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The marts with sensitive columns, which have a masked view each. #}
{% macro masked_marts() -%}
    {%- set found = [] -%}
    {%- for node in (graph.nodes.values() if execute else []) -%}
        {%- if node.resource_type == 'model' and node.config.schema == 'marts' and masked_columns(node) -%}
            {%- do found.append(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro masked_schema() -%}
    {{ return(generate_schema_name('masked', none) | trim) }}
{%- endmacro %}
