{# Orders whose stored lines no longer say what a full refresh would: the version of a dimension they point to is not the
   one valid on the order date (late or unknown member, later version, plant landed since), or an undelivered line has
   become overdue since it was written. In a macro only to keep the fact readable. #}
{% macro purchase_order_lines_out_of_date(fact, suppliers, materials, plants) -%}
    select existing.purchase_order_id
    from {{ fact }} as existing
    left join {{ suppliers }}
        on existing.supplier_key = {{ suppliers }}.supplier_key
        and existing.supplier_id = {{ suppliers }}.supplier_id
        and {{ valid_at('existing.purchase_order_date', suppliers) }}
    left join {{ materials }}
        on existing.material_key = {{ materials }}.material_key
        and existing.material_id = {{ materials }}.material_id
        and {{ valid_at('existing.purchase_order_date', materials) }}
    left join {{ plants }}
        on existing.plant_key = {{ plants }}.plant_key and existing.plant_id = {{ plants }}.plant_id
    where {{ suppliers }}.supplier_key is null
        or ({{ materials }}.material_key is null and existing.material_id is not null)
        or {{ plants }}.plant_key is null
        or (
            existing.last_receipt_date is null
            and coalesce(existing.is_on_time, true) = (existing.scheduled_delivery_date < {{ as_of_date() }})
        )
{%- endmacro %}
