{# What a restatement can concern. Not the client's version and tenant, which say how a row is reported, not what it says. #}
{% macro bank_indicator_columns() -%}
    {{ return([
        'evidence', 'confidence', 'status_change', 'tenure_days', 'product_count', 'balance_gbp', 'balance_band',
        'payment_count_13w', 'payment_amount_13w_gbp', 'wallet_share_13w', 'wallet_share_change', 'is_partner_client',
        'is_at_risk',
    ]) }}
{%- endmacro %}
