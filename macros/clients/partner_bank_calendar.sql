{# First week end that a run of the partner-bank indicators writes. The last four complete weeks are open; weeks that no run has
   calculated yet are written whatever their age; a week that was closed stays closed, also when as_of_date goes back. #}
{% macro first_open_week_end(complete_weeks, existing) -%}
    (
        select
            greatest(
                least(
                    {{ dbt.dateadd('day', -21, 'max(complete.week_end_date)') }},
                    {{ dbt.dateadd('day', 7, 'max(stored.restated_through_date)') }}
                ),
                {{ dbt.dateadd('day', -21, 'max(stored.restated_through_date)') }}
            )
        from (select max(week_end_date) as week_end_date from {{ complete_weeks }}) as complete
        cross join (
            select coalesce(max(restated_through_date), cast({{ history_start() }} as date)) as restated_through_date
            from {{ existing }}
        ) as stored
    )
{%- endmacro %}

{# Last closed week end of the indicators as they are stored. #}
{% macro last_closed_week_end(existing) -%}
    (select {{ dbt.dateadd('day', -28, 'max(stored.restated_through_date)') }} from {{ existing }} as stored)
{%- endmacro %}

{# delete+insert replaces the rows that came again; a pair of an open week that has lost all its evidence does not come again. #}
{% macro delete_rows_left_behind(relation, complete_weeks) -%}
    {%- if is_incremental_run() -%}
        delete from {{ relation }}
        where calculated_at < {{ run_stamp() }}
            and week_end_date <= (select max(complete.week_end_date) from {{ complete_weeks }} as complete)
            and week_end_date > {{ last_closed_week_end(relation) }}
    {%- endif -%}
{%- endmacro %}
