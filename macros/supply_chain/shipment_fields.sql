{# The fields of a shipment that two systems can disagree on. `columns` are taken together from one side, because a freight
   without its currency means nothing; the first says whether a side knows the field. `gap` closer than which is rounding and
   no conflict: tonnes hold whole kilograms only, and a month's exchange rate differs from the day's. `compare` is the column
   that is compared where it is not the first. #}
{% macro shipment_fields() -%}
    {{ return({
        'purchase_order_id': {'columns': ['purchase_order_id']},
        'supplier_id': {'columns': ['supplier_id']},
        'material_id': {'columns': ['material_id']},
        'plant_id': {'columns': ['plant_id']},
        'carrier_name': {'columns': ['carrier_name']},
        'transport_mode': {'columns': ['transport_mode']},
        'shipment_status': {'columns': ['shipment_status']},
        'quantity': {'columns': ['base_quantity', 'base_unit'], 'gap': 0.005},
        'weight_kg': {'columns': ['weight_kg'], 'gap': 0.005},
        'freight': {
            'columns': ['freight_amount', 'currency_code', 'freight_amount_gbp'], 'compare': 'freight_amount_gbp', 'gap': 0.03,
        },
        'shipped_date': {'columns': ['shipped_date']},
        'delivered_date': {'columns': ['delivered_date']},
    }) }}
{%- endmacro %}
