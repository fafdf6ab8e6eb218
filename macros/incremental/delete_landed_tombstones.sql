{# Before an incremental run: takes out of a model the rows that have been deleted at the source since its look-back starts, by
   their tombstones, so that the model need not be compared with all keys of its input. Before, because afterwards the
   look-back would start from rows that the run has just brought. `also` is a query of more keys that have to go. #}
{% macro delete_landed_tombstones(relation, staged, key, landed_column, also=none) -%}
    {%- if is_incremental_run() -%}
        delete from {{ relation }}
        where {{ key }} in (
            select staged.{{ key }} from {{ staged }} as staged
            where staged.is_deleted
                and staged.landed_at >= (
                    select {{ lookback_start('existing.' ~ landed_column) }} from {{ relation }} as existing
                )
            {%- if also %}
            union all
            {{ also }}
            {%- endif %}
        )
    {%- endif -%}
{%- endmacro %}

{# Keys of the rows that a validated model holds back, for delete_landed_tombstones: a row that has come into quarantine
   leaves the fact. #}
{% macro quarantined_keys(validated, key) -%}
    select validated.{{ key }} from {{ validated }} as validated where validated.reason_codes is not null
{%- endmacro %}
