{# What is judged of a profile, one row a dataset, column, signal and day. Each value is judged on a scale on which its
   noise is about the same at every level: counts and hours by their logarithm, shares by the arcsine of their root. #}
{% macro profile_signals(counts, profiles, freshness) -%}
    select
        listed.*,
        listed.dataset_name || '|' || listed.column_name || '|' || listed.signal_name as series_key,
        mod({{ dbt.datediff("cast('2000-01-03' as date)", 'listed.measured_date', 'day') }}, 7) as weekday
    from (
        {# Anomalies of one day in twelve must not turn a growing table into one that is replaced. #}
        select
            dataset_name,
            '' as column_name,
            measured_date,
            'row_count' as signal_name,
            cast(row_count as double) as signal_value,
            ln(1 + row_count) as judged_value
        from {{ counts }}
        where shrinking_share >= 0.08
        union all
        select
            dataset_name, '', measured_date, 'rows_added', cast(rows_added as double),
            sign(rows_added) * ln(1 + abs(rows_added))
        from {{ counts }}
        where shrinking_share < 0.08 and rows_added is not null
        union all
        select
            dataset_name, '', measured_date, 'hours_since_landed', cast(hours_since_landed as double),
            ln(1 + cast(hours_since_landed as double))
        from {{ freshness }}
        where hours_since_landed >= 0
        union all
        select
            dataset_name, column_name, measured_date, 'null_share', cast(null_share as double),
            asin(sqrt(cast(null_share as double)))
        from {{ profiles }}
        where null_share between 0 and 1
        union all
        select
            dataset_name, column_name, measured_date, 'distinct_count', cast(distinct_count as double),
            ln(1 + distinct_count)
        from {{ profiles }}
        where profiled_row_count > 0
        union all
        {# Of columns that are nearly a key. #}
        select
            dataset_name, column_name, measured_date, 'repeated_share',
            1 - cast(distinct_count as double) / filled_count,
            asin(sqrt(1 - cast(distinct_count as double) / filled_count))
        from {{ profiles }}
        where filled_count > 0 and distinct_count between 0.7 * filled_count and filled_count
        union all
        select dataset_name, column_name, measured_date, 'mean_value', mean_value, mean_value
        from {{ profiles }}
        where mean_value is not null
        union all
        {# Numbers that become text have no mean any more. #}
        select
            dataset_name, column_name, measured_date, 'is_numeric',
            cast(case when mean_value is null then 0 else 1 end as double),
            cast(case when mean_value is null then 0 else 1 end as double)
        from {{ profiles }}
        where filled_count > 0
    ) as listed
{%- endmacro %}

{# The days before that say what is usual: eight weeks, without the day itself. #}
{% macro in_history_of(now, past) -%}
    {{ now }}.series_key = {{ past }}.series_key
        and {{ now }}.measured_date > {{ past }}.measured_date
        and {{ dbt.datediff(past ~ '.measured_date', now ~ '.measured_date', 'day') }} <= 56
{%- endmacro %}

{# What counts as noise where the history shows less: a series that never moved has no spread to measure by. #}
{% macro least_spread(signal, expected) -%}
    case {{ signal }}
        when 'row_count' then 0.03
        {# Single rows of a list that hardly grows, single values of a short list of categories. #}
        when 'rows_added' then 0.1 + 0.6 / exp(least(abs({{ expected }}), 50))
        when 'distinct_count' then 0.05 + 0.3 / exp(least(abs({{ expected }}), 50))
        when 'mean_value' then greatest(0.01 * abs({{ expected }}), 0.000000001)
        when 'null_share' then 0.02
        when 'repeated_share' then 0.02
        else 0.1
    end
{%- endmacro %}

{# A judged value back in the unit of its signal. #}
{% macro signal_in_its_unit(signal, value) -%}
    case
        when {{ signal }} in ('mean_value', 'is_numeric') then {{ value }}
        when {{ signal }} in ('null_share', 'repeated_share') then sin({{ value }}) * sin({{ value }})
        else sign({{ value }}) * (exp(least(abs({{ value }}), 50)) - 1)
    end
{%- endmacro %}
