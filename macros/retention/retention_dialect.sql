{# What DuckDB and Snowflake write apart in the SQL of retention_rows: moments, digests, texts, counts. docs/retention.md says what
   that means for whom. #}

{# A text literal. Snowflake reads a backslash in one as an escape. #}
{% macro sql_text(value) -%}
    {{ return(adapter.dispatch('sql_text')(value)) }}
{%- endmacro %}

{% macro default__sql_text(value) -%}
    {{ return("'" ~ (value | string | replace("'", "''")) ~ "'") }}
{%- endmacro %}

{% macro snowflake__sql_text(value) -%}
    {{ return("'" ~ (value | string | replace('\\', '\\\\') | replace("'", "''")) ~ "'") }}
{%- endmacro %}

{# A moment in UTC as a timestamp without a zone, and as one with a zone. #}
{% macro utc_moment(moment, zoned=false) -%}
    {{ return(adapter.dispatch('utc_moment')(moment, zoned)) }}
{%- endmacro %}

{% macro default__utc_moment(moment, zoned) -%}
    {{ return("timestamptz '" ~ moment ~ "+00'" if zoned else "timestamp '" ~ moment ~ "'") }}
{%- endmacro %}

{# Not TIMESTAMP '...': an account's TIMESTAMP_TYPE_MAPPING says what that is. #}
{% macro snowflake__utc_moment(moment, zoned) -%}
    {{ return("to_timestamp_tz('" ~ moment ~ " +00:00')" if zoned else "cast('" ~ moment ~ "' as timestamp_ntz)") }}
{%- endmacro %}

{# A stamp as it stands on the clocks of a zone, for counting in that zone's calendar. A date has no zone. #}
{% macro local_time(column, type, zone) -%}
    {{ return(adapter.dispatch('local_time')(column, type, zone)) }}
{%- endmacro %}

{% macro default__local_time(column, type, zone) -%}
    {%- if type == 'date' -%}
        {{ return('cast(' ~ column ~ ' as timestamp)') }}
    {%- elif zone == 'UTC' -%}
        {{ return(column if type == 'timestamp' else 'make_timestamp(epoch_us(' ~ column ~ '))') }}
    {%- endif -%}
    {%- set moment = column if type == 'timestamptz' else '(' ~ column ~ " at time zone 'UTC')" -%}
    {{ return('(' ~ moment ~ ' at time zone ' ~ sql_text(zone) ~ ')') }}
{%- endmacro %}

{% macro snowflake__local_time(column, type, zone) -%}
    {%- if type == 'date' -%}
        {{ return('cast(' ~ column ~ ' as timestamp_ntz)') }}
    {%- elif type == 'timestamptz' -%}
        {{ return('cast(convert_timezone(' ~ sql_text(zone) ~ ', ' ~ column ~ ') as timestamp_ntz)') }}
    {%- endif -%}
    {{ return(column if zone == 'UTC' else "convert_timezone('UTC', " ~ sql_text(zone) ~ ', ' ~ column ~ ')') }}
{%- endmacro %}

{# clock + period <= as_of on the clocks of the policy's zone. #}
{% macro is_past_by_calendar(clock, policy, as_of) -%}
    {{ return(adapter.dispatch('is_past_by_calendar')(clock, policy, as_of)) }}
{%- endmacro %}

{% macro default__is_past_by_calendar(clock, policy, as_of) -%}
    {%- set now = local_time('cast(' ~ sql_text(as_of ~ '+00') ~ ' as timestamptz)', 'timestamptz', policy.zone) -%}
    {{ return(local_time(clock, policy.clock_type, policy.zone) ~ " + (interval '" ~ policy.months ~ " months' + interval '" ~ policy.days
        ~ " days') <= " ~ now) }}
{%- endmacro %}

{% macro snowflake__is_past_by_calendar(clock, policy, as_of) -%}
    {{ return("dateadd('day', " ~ policy.days ~ ", dateadd('month', " ~ policy.months ~ ', '
        ~ local_time(clock, policy.clock_type, policy.zone) ~ ')) <= ' ~ local_time(utc_moment(as_of), 'timestamp', policy.zone)) }}
{%- endmacro %}

{# as_of less the period and `days` more or less, as a value of the clock's type. #}
{% macro period_before(policy, as_of, days) -%}
    {{ return(adapter.dispatch('period_before')(policy, as_of, days)) }}
{%- endmacro %}

{% macro default__period_before(policy, as_of, days) -%}
    {{ return("cast(timestamp '" ~ as_of ~ "' - (interval '" ~ policy.months ~ " months' + interval '" ~ policy.days ~ " days') "
        ~ ('+' if days > 0 else '-') ~ " interval '" ~ (days | abs) ~ " days' as " ~ policy.clock_type ~ ')') }}
{%- endmacro %}

{# With a zone it is read in the session's, which is hours off and not days. #}
{% macro snowflake__period_before(policy, as_of, days) -%}
    {{ return("cast(dateadd('day', " ~ (days - policy.days) ~ ", dateadd('month', " ~ -policy.months ~ ', ' ~ utc_moment(as_of) ~ ')) as '
        ~ {'date': 'date', 'timestamp': 'timestamp_ntz', 'timestamptz': 'timestamp_tz'}[policy.clock_type] ~ ')') }}
{%- endmacro %}

{# The clock lies more than a day ahead of now: a day, as a date has no zone. #}
{% macro is_ahead(policy, now) -%}
    {{ return(adapter.dispatch('is_ahead')(policy, now)) }}
{%- endmacro %}

{% macro default__is_ahead(policy, now) -%}
    {{ return('t.' ~ policy.clock ~ " > cast(timestamp '" ~ now ~ "' + interval '1 day' as " ~ policy.clock_type ~ ')') }}
{%- endmacro %}

{% macro snowflake__is_ahead(policy, now) -%}
    {{ return(local_time('t.' ~ policy.clock, policy.clock_type, 'UTC') ~ " > dateadd('day', 1, " ~ utc_moment(now) ~ ')') }}
{%- endmacro %}

{# SHA-256 of a text in hexadecimal, and its first 128 bits as ops.tombstones keeps them: DuckDB as a number, which it writes in half
   the time of a text; Snowflake has no such type. #}
{% macro sha256_of(text) -%}
    {{ return(adapter.dispatch('sha256_of')(text)) }}
{%- endmacro %}

{% macro default__sha256_of(text) -%}
    {{ return('sha256(' ~ text ~ ')') }}
{%- endmacro %}

{% macro snowflake__sha256_of(text) -%}
    {{ return('sha2(' ~ text ~ ', 256)') }}
{%- endmacro %}

{% macro half_of_digest(digest) -%}
    {{ return(adapter.dispatch('half_of_digest')(digest)) }}
{%- endmacro %}

{% macro default__half_of_digest(digest) -%}
    {{ return('cast(left(' ~ digest ~ ', 32) as uuid)') }}
{%- endmacro %}

{% macro snowflake__half_of_digest(digest) -%}
    {{ return('left(' ~ digest ~ ', 32)') }}
{%- endmacro %}

{# A value as text for digests and comparisons. On Snowflake the text of a time is as the session's parameters want it, so that the
   type, where it is known, decides: the day, or the microseconds since 1970 in UTC. #}
{% macro text_of(column, type=none) -%}
    {{ return(adapter.dispatch('text_of')(column, type)) }}
{%- endmacro %}

{% macro default__text_of(column, type) -%}
    {{ return('cast(' ~ column ~ ' as varchar)') }}
{%- endmacro %}

{% macro snowflake__text_of(column, type) -%}
    {%- set clock = clock_type(type or '') -%}
    {%- if clock == 'date' -%}
        {{ return('to_char(' ~ column ~ ", 'YYYY-MM-DD')") }}
    {%- elif clock -%}
        {{ return("cast(datediff('microsecond', " ~ utc_moment('1970-01-01 00:00:00') ~ ', ' ~ local_time(column, clock, 'UTC')
            ~ ') as varchar)') }}
    {%- endif -%}
    {{ return('cast(' ~ column ~ ' as varchar)') }}
{%- endmacro %}
